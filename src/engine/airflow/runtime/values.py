class Value(str):
    """What a step wrote: a number beside numbers, else text."""

    def _compared(self, other, holds):
        if isinstance(self, Missing) or isinstance(other, Missing):
            return False
        try:
            return holds(float(self), float(other))
        except ValueError:
            return holds(self.strip(), str(other).strip())

    def __eq__(self, other):
        return self._compared(other, operator.eq)

    def __ne__(self, other):
        return self._compared(other, operator.ne)

    def __lt__(self, other):
        return self._compared(other, operator.lt)

    def __le__(self, other):
        return self._compared(other, operator.le)

    def __gt__(self, other):
        return self._compared(other, operator.gt)

    def __ge__(self, other):
        return self._compared(other, operator.ge)

    __hash__ = str.__hash__


class Missing(Value):
    """Stands for a value that was never written: no comparison with it holds, and no text can hold it."""

    def __str__(self):
        raise AirflowFailException(f"{super().__str__()} has no value")


def text_of(value):
    """A value as steps read it: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def param(name):
    """A parameter of the run."""
    value = get_current_context()["params"].get(name)
    return Missing(f"parameters.{name}") if value is None else Value(text_of(value))


def item(key=None):
    """The item of a mapped step, or one of its fields."""
    value = get_current_context()["task"].item
    if key is not None:
        value = value.get(key) if isinstance(value, dict) else None
    return Missing("item") if value is None and key is not None else Value(text_of(value))
