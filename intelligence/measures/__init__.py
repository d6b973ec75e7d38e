"""What a parsed source is measured by, the rules that find something in it, and its scores."""
