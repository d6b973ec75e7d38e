"""Source code parsed: grammars, trees, names and what declares them."""
