class Step(BaseOperator):
    """What all steps share: a condition, a bounded loop, tolerated failures."""

    def __init__(
        self,
        *,
        component=None,
        only_if=None,
        repeat_while=None,
        at_most=1,
        pause=0,
        soft_fail=False,
        retry_on="failure",
        item=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.component, self.item = component, item
        self.only_if, self.soft_fail, self.retry_on = only_if, soft_fail, retry_on
        self.repeat_while, self.at_most, self.pause = repeat_while, at_most, pause
        self.latest, self.round = None, 0

    def _do_render_template_fields(self, parent, template_fields, context, jinja_env, seen_oids):
        # A condition that does not hold is known before texts read values of steps that were skipped as well.
        if parent is self and self.only_if is not None and not self.only_if():
            raise AirflowSkipException("the condition does not hold")
        super()._do_render_template_fields(parent, template_fields, context, jinja_env, seen_oids)

    def execute(self, context):
        try:
            for self.round in range(1, self.at_most + 1):
                self.latest = self.run_once(context)
                if self.round == self.at_most or self.repeat_while is None or not self.repeat_while():
                    break
                time.sleep(self.pause)
        except (Exception, AirflowTaskTimeout) as error:
            attempts_left = context["ti"].try_number <= self.retries and not isinstance(
                error, AirflowFailException
            )
            if not self.soft_fail or attempts_left:
                raise
            raise AirflowSkipException(f"failed, and the workflow goes on: {error}") from error
        return self.latest
