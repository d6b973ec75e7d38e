"""Parsed source code: grammars, trees, names and declarations."""
