//! What the operator does at the command line beside people themselves, over the test's own database.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use sqlx::PgPool;

use crate::{
    server::admin,
    support::{database_url, slow_model, weft},
};

/// Whether it went well, and what it said.
fn said(mut command: Command) -> (bool, String) {
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let text = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn groups_are_made_filled_and_deleted_at_the_command_line(pool: PgPool) {
    let model = slow_model(Duration::from_secs(1)).await;
    let command = |args: &[&str]| {
        let mut command = weft(args, &model);
        command.env("DATABASE_URL", database_url(&pool));
        command
    };
    admin(command);
    let group = |args: &[&str]| said(command(&[&["group"][..], args].concat()));
    let (is_done, text) = group(&["create", "legal", "--name", "Legal \u{202e}team"]);
    assert!(is_done && text.contains("legal"), "{text}");
    let (is_done, text) = group(&["create", "Legal team", "--name", "Legal"]);
    assert!(!is_done && text.contains("small letters"), "{text}");
    let (is_done, text) = group(&["add", "legal", "--email", "ADA@example.com"]);
    assert!(is_done && text.contains("ada@example.com"), "{text}");
    let (is_done, text) = group(&["add", "nowhere", "--email", "ada@example.com"]);
    assert!(!is_done && text.contains("weft group list"), "{text}");
    let (is_done, text) = group(&["list"]);
    assert!(
        is_done && text.contains("legal  1 of 1 can sign in  Legal  team"),
        "what turns the line is a space: {text}"
    );
    assert_eq!(group(&["members", "legal"]), (true, "ada@example.com\n".to_owned()));
    assert!(group(&["remove", "legal", "--email", "ada@example.com"]).0);
    let (is_done, text) = group(&["remove", "legal", "--email", "ada@example.com"]);
    assert!(!is_done && text.contains("weft group members legal"), "{text}");
    assert!(group(&["delete", "legal"]).0);
    assert_eq!(group(&["list"]), (true, "\n".to_owned()));
}
