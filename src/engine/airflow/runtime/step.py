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
        retry_within=None,
        item=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.component, self.item = component, item
        self.only_if, self.soft_fail = only_if, soft_fail
        self.retry_on, self.retry_within = retry_on, retry_within
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
            tried = context["ti"].try_number
            final = isinstance(error, AirflowFailException) or tried > self.retries or self.is_late(tried)
            if not self.soft_fail:
                raise AirflowFailException(str(error)) if final and tried <= self.retries else error
            if not final:
                raise
            context["ti"].xcom_push(key="couler_status", value="Failed")
            raise AirflowSkipException(f"failed, and the workflow goes on: {error}") from error
        return self.latest

    def is_late(self, tried):
        """Whether the waits before the next attempt would take longer together than they may."""
        factor = float(self.retry_exponential_backoff or 1)
        longest = self.max_retry_delay.total_seconds() if self.max_retry_delay else float("inf")
        waits = sum(min(self.retry_delay.total_seconds() * factor**number, longest) for number in range(tried))
        return self.retry_within is not None and waits > self.retry_within.total_seconds()
