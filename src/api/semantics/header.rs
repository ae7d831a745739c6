//! Checks of the program as a whole: version, parameters, schedule.

use super::Checker;
use crate::api::VERSION;

impl Checker<'_> {
    pub(super) fn check_header(&mut self) {
        for name in self.program.parameters.keys() {
            self.check_name("/parameters".to_owned(), name);
        }
        if self.program.version != VERSION {
            self.add(
                "/version",
                format!("unknown version {:?}", self.program.version),
                format!("write {VERSION}"),
            );
        }
        let schedule = self.program.schedule.as_ref();
        for (index, cron) in schedule.map(|s| s.cron.iter()).into_iter().flatten().enumerate() {
            let fields = cron.split_whitespace().count();
            let parsed =
                croner::parser::CronParser::builder().seconds(croner::parser::Seconds::Disallowed).build();
            if fields != 5 {
                self.add(
                    format!("/schedule/cron/{index}"),
                    format!("the cron expression {cron:?} has {fields} fields instead of 5"),
                    "write minute, hour, day of month, month, day of week, for example 0 16 * * 0",
                );
            } else if let Err(error) = parsed.parse(cron) {
                self.add(
                    format!("/schedule/cron/{index}"),
                    format!("the cron expression {cron:?} is wrong: {error}"),
                    "write minute, hour, day of month, month, day of week, for example 0 16 * * 0",
                );
            }
        }
    }
}
