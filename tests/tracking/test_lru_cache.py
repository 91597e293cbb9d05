"""The bounded cache against a plain model of it."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from echoseg.tracking.cache import LRUCache

keys, sizes = st.integers(0, 6), st.integers(0, 12)


class CacheMachine(RuleBasedStateMachine):
    """Values are their own sizes; ``kept`` lists what should be there, least recently used first."""

    @initialize(limit=st.integers(0, 30))
    def begin(self, limit):
        self.limit, self.cache, self.kept = limit, LRUCache(limit, lambda size: size), []

    @rule(key=keys, size=sizes)
    def put(self, key, size):
        self.cache.put(key, size)
        self.kept = [item for item in self.kept if item[0] != key]
        if size <= self.limit:
            self.kept.append((key, size))
        while sum(size for _, size in self.kept) > self.limit:
            del self.kept[0]

    @rule(key=keys)
    def get(self, key):
        known = dict(self.kept)
        assert self.cache.get(key) == known.get(key)
        if key in known:
            self.kept = [item for item in self.kept if item[0] != key] + [(key, known[key])]

    @rule()
    def clear(self):
        self.cache.clear()
        self.kept = []

    @invariant()
    def bytes_are_counted_and_bounded(self):
        assert self.cache.bytes == sum(size for _, size in self.kept) <= self.limit


TestCache = CacheMachine.TestCase
TestCache.settings = settings(max_examples=60, stateful_step_count=25)
