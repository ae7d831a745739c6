//! `cards`: built-in ones, foreign ones, and those made from tables; bad input says what to do next.

use std::io::Write;

use crate::harness::{Dir, repository};

#[test]
fn cards_are_listed_shown_and_written() {
    let dir = Dir::new();
    let (code, stdout, errors) = dir.run(&["cards", "list", "--kind", "model"]);
    assert_eq!(code, 0, "{errors}");
    assert!(
        stdout.lines().count() >= 20 && stdout.contains("xgboost") && !stdout.contains("cifar-10"),
        "{stdout}"
    );
    let (code, stdout, _) = dir.run(&["cards", "show", "Iris flowers"]);
    assert!(code == 0 && stdout.starts_with("---\n") && stdout.contains("virginica: 50"), "{stdout}");
    let (code, _, errors) = dir.run(&["cards", "show", "iri"]);
    assert_eq!(code, 2, "{errors}");
    assert!(errors.contains("iris"), "{errors}");
    let (code, _, errors) = dir.run(&["cards", "new", "dataset", "mine", "-o", "mine.md"]);
    assert_eq!(code, 0, "{errors}");
    assert_eq!(dir.run(&["cards", "show", "mine.md"]).0, 0);
    let (code, _, errors) = dir.run(&["cards", "new", "dataset", "mine", "-o", "mine.md"]);
    assert!(code == 2 && errors.contains("exists already"), "nothing is lost: {errors}");
}

#[test]
fn a_profile_is_a_card_that_reads_again() {
    let dir = Dir::new();
    let churn = repository("eval/data/churn.csv").display().to_string();
    let (code, _, errors) = dir.run(&["cards", "profile", &churn, "--label", "churn", "-o", "churn.md"]);
    assert_eq!(code, 0, "{errors}");
    assert!(errors.contains("1230 rows, 9 columns; label churn, classification"), "{errors}");
    let (code, stdout, errors) = dir.run(&["cards", "show", "churn.md", "--json"]);
    assert_eq!(code, 0, "{errors}");
    let value: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(value["card"]["rows"], 1230);
    assert_eq!(value["warnings"].as_array().unwrap().len(), 0);
}

#[test]
fn bad_cards_and_tables_are_told_and_never_executed() {
    let dir = Dir::new();
    let order = "---\nversion: couler/card/v1\nkind: dataset\nname: x\nmodality: tabular\nrows: 5\nlabel: {column: y, class_count: 1}\ntask: classification\n---\n$(touch executed) `touch executed`\n";
    dir.write("wrong.md", order);
    let (code, _, errors) = dir.run(&["cards", "show", "wrong.md"]);
    assert!(code == 1 && errors.contains("at least two classes"), "{errors}");
    let mut bomb = "---\na0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 9].join(", ")));
    }
    dir.write("bomb.md", &(bomb + "---\n"));
    let (code, _, errors) = dir.run(&["cards", "show", "bomb.md"]);
    assert!(code == 1 && errors.contains("cannot be read"), "{errors}");
    std::fs::File::create(dir.path().join("big.md")).unwrap().set_len(50 << 20).unwrap();
    let (code, _, errors) = dir.run(&["cards", "show", "big.md"]);
    assert!(code == 1 && errors.contains("52428800 bytes"), "{errors}");
    dir.write("table.csv", "a,b\n1,x\n2,x\n");
    let (code, _, errors) = dir.run(&["cards", "profile", "table.csv", "--label", "c"]);
    assert!(code == 2 && errors.contains("it has a, b"), "{errors}");
    let (code, _, errors) = dir.run(&["cards", "profile", "table.csv", "--label", "b"]);
    assert!(code == 0 && errors.contains("same value in every row"), "{errors}");
    assert!(!dir.path().join("executed").exists());
}

#[test]
fn a_big_table_is_sampled_in_little_memory() {
    let dir = Dir::new();
    let mut file = std::io::BufWriter::new(std::fs::File::create(dir.path().join("big.csv")).unwrap());
    file.write_all(b"n,kind,y\n").unwrap();
    for row in 0..1_000_000u32 {
        writeln!(file, "{row},{},{}", ["red", "green", "blue"][row as usize % 3], row % 2).unwrap();
    }
    drop(file);
    let (code, stdout, errors) = dir.run(&["cards", "profile", "big.csv", "--json"]);
    assert_eq!(code, 0, "{errors}");
    let value: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(value["profile"]["rows"], 1_000_000);
    assert!(value["profile"]["columns"][0]["seen"].as_u64().unwrap() <= 110_000);
}
