//! Faults of DAG files, found without running them.

use std::path::Path;

use serde_json::Value;

use super::script::{ScriptError, run};
use crate::api::Problem;

/// The faults of each text, with the Python interpreter given; a path is a line.
///
/// Found are: no Python, no DAG, unknown names in dependencies, tasks that are there twice, cycles, wrong cron
/// expressions and trigger rules, values of unknown tasks, and idioms of Airflow 2.
///
/// # Errors
/// Python is missing.
pub fn lint_airflow(python: &Path, texts: &[String]) -> Result<Vec<Vec<Problem>>, ScriptError> {
    let answers = run(python, include_str!("scripts/lint.py"), texts)?;
    Ok(answers.iter().map(|found| found.as_array().into_iter().flatten().map(problem).collect()).collect())
}

fn problem(found: &Value) -> Problem {
    let word = |name: &str| found[name].as_str().unwrap_or_default();
    Problem::new(word("path"), word("message"), word("hint"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator
with DAG("d", schedule="0 3 * * 1-5"):
    a = BashOperator(task_id="a", bash_command="echo")
    b = BashOperator(task_id="b", bash_command="echo {{ ti.xcom_pull('a') }}", trigger_rule="none_failed")
    a >> b
"#;

    #[test]
    fn seeded_faults_are_found() {
        for (from, to, line, message) in [
            ("a >> b", "a >> (b", 7, "this is no Python"),
            ("with DAG(\"d\", schedule=\"0 3 * * 1-5\"):", "if True:", 1, "the file holds no DAG"),
            ("a >> b", "a >> c", 7, "the task 'c' is not defined"),
            ("task_id=\"b\"", "task_id=\"a\"", 6, "the task 'a' is there twice"),
            ("a >> b", "a >> b >> a", 7, "tasks wait for each other"),
            (
                "0 3 * * 1-5",
                "0 25 * * *",
                4,
                "the cron expression '0 25 * * *' is wrong: '25' is not between 0 and 23",
            ),
            ("0 3 * * 1-5", "0 3 * *", 4, "it has 4 fields instead of 5"),
            ("schedule=", "schedule_interval=", 4, "schedule_interval is of Airflow 2"),
            (
                "airflow.providers.standard.operators.bash",
                "airflow.operators.bash",
                3,
                "airflow.operators.bash is of Airflow 2",
            ),
            ("from airflow.sdk import DAG", "from airflow import DAG", 2, "airflow.DAG is of Airflow 2"),
            (
                "bash_command=\"echo\"",
                "bash_command=\"echo\", provide_context=True",
                5,
                "provide_context is of Airflow 2",
            ),
            ("schedule=", "start_date=days_ago(1), schedule=", 4, "days_ago is of Airflow 2"),
            (
                "bash_command=\"echo\"",
                "bash_command=\"{{ execution_date }}\"",
                5,
                "execution_date is of Airflow 2",
            ),
            ("a >> b", "s = SubDagOperator(task_id='s')", 7, "SubDagOperator is of Airflow 2"),
            ("none_failed", "none_faild", 6, "there is no trigger rule 'none_faild'"),
            ("xcom_pull('a')", "xcom_pull('z')", 6, "values of the unknown task 'z' are read"),
            ("task_id=\"b\"", "task_id=\"b c\"", 6, "'b c' cannot be a task_id"),
        ] {
            let text = GOOD.replace(from, to);
            assert_ne!(text, GOOD, "{from}");
            let found = lint_airflow(Path::new("python3"), &[text]).unwrap().remove(0);
            let hit = found.iter().any(|problem| {
                problem.message.contains(message)
                    && problem.path == format!("line {line}")
                    && !problem.hint.is_empty()
            });
            assert!(hit, "{message}: {found:?}");
        }
        assert_eq!(lint_airflow(Path::new("python3"), &[GOOD.to_owned()]).unwrap(), [[]]);
    }
}
