from tiny_bases import *  # noqa: F403
