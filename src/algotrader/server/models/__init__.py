"""What the server answers with, one module a topic: the page's types are generated from these."""
