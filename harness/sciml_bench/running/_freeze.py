"""Imported last by the fork server: finds the thread pools of what it has loaded, and sets it aside from the garbage collector.

A worker that collected garbage would visit every object it was forked with, and each visit writes into memory that is shared
until then: hundreds of megabytes copied page by page, a quarter of a second in a cell that traces a JAX program.
"""

import gc

from .worker import thread_pools

thread_pools()
gc.collect()
gc.freeze()
