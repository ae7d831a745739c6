class ItemList(BaseOperator):
    """Reads the JSON list that a mapped step runs over; the list is empty if the step is not wanted."""

    def __init__(self, *, items, only_if=None, **kwargs):
        super().__init__(**kwargs)
        self.items, self.only_if = items, only_if

    def execute(self, context):
        if self.only_if is not None and not self.only_if():
            return []
        items = json.loads(str(self.items()))
        if not isinstance(items, list):
            raise AirflowFailException("the items are no JSON list")
        return items
