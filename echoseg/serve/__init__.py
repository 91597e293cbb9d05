"""The studio's server and page: parse, call, answer; what is done is in ``annotate``. Needs the extra ``serve``."""
