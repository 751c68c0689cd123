//! What the operator does at the command line beside people themselves, over the test's own database.

use std::{
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
    time::Duration,
};

use sqlx::PgPool;

use crate::{
    server::admin,
    support::{database_url, slow_model, weft},
};

/// One of those that are shipped.
const WORKFLOW: &str = "short-version";

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
    assert!(said(command(&["seed"])).0);
    let audience = |more: &[&str]| group(&[&["audience", WORKFLOW][..], more].concat());
    let everybody = (true, "Everybody may start it\n".to_owned());
    assert_eq!(audience(&[]), everybody);
    assert_eq!(audience(&["--see", "legal"]), (true, "Everybody may start it\nlegal  sees all its runs\n".to_owned()));
    let both = (true, "legal  starts it and sees all its runs\n".to_owned());
    assert_eq!(audience(&["--see", "legal", "--start", "legal"]), both);
    let (is_done, text) = audience(&["--start", "nobodys"]);
    assert!(!is_done && text.contains("nobodys"), "{text}");
    assert_eq!(audience(&[]), both, "what is wrong changes nothing");
    assert!(!audience(&["--everybody", "--see", "legal"]).0);
    let (is_done, text) = group(&["audience", "nothing-is-called-that"]);
    assert!(!is_done && text.contains("there is no workflow nothing-is-called-that"), "{text}");
    let (is_done, text) = group(&["delete", "legal"]);
    assert!(!is_done, "a workflow is for it: {text}");
    assert_eq!(audience(&["--everybody"]), everybody);
    assert!(group(&["remove", "legal", "--email", "ada@example.com"]).0);
    let (is_done, text) = group(&["remove", "legal", "--email", "ada@example.com"]);
    assert!(!is_done && text.contains("weft group members legal"), "{text}");
    assert!(group(&["delete", "legal"]).0);
    assert_eq!(group(&["list"]), (true, "\n".to_owned()));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_look_at_the_database_counts_what_is_violated_and_ends_so_that_scripts_see_it(pool: PgPool) {
    let model = slow_model(Duration::from_secs(1)).await;
    let command = |args: &[&str]| {
        let mut command = weft(&[&["check"][..], args].concat(), &model);
        command.env("DATABASE_URL", database_url(&pool)).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.output().unwrap()
    };
    let last = |output: &std::process::Output| {
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        text.trim_end().rsplit('\n').next().map(str::to_owned)
    };
    let fine = command(&["--settled"]);
    assert_eq!((fine.status.code(), last(&fine).as_deref()), (Some(0), Some("violations: 0")), "{fine:?}");
    // It may go on as somebody else, who has to be able to read this.
    let folder = tempfile::tempdir().unwrap();
    let told = folder.path().join("told");
    std::fs::write(&told, "{\"run\": \"00000000-0000-0000-0000-000000000001\", \"seq\": 1}\n").unwrap();
    for (path, mode) in [(folder.path(), 0o755), (told.as_path(), 0o644)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let lost = command(&["--acknowledged", told.to_str().unwrap()]);
    let text = String::from_utf8_lossy(&lost.stdout);
    assert_eq!((lost.status.code(), last(&lost).as_deref()), (Some(2), Some("violations: 2")), "{lost:?}");
    assert!(text.contains("told-runs") && text.contains("told-commands"), "{text}");
    let orphan = "INSERT INTO run_events (run_id, seq, commit_id, ask_id, event)
        VALUES (gen_random_uuid(), 1, gen_random_uuid(), gen_random_uuid(), '{}')";
    sqlx::query(orphan).execute(&pool).await.unwrap();
    let wrong = command(&[]);
    assert_eq!((wrong.status.code(), last(&wrong).as_deref()), (Some(2), Some("violations: 1")), "{wrong:?}");
    assert!(String::from_utf8_lossy(&wrong.stdout).contains("rows-have-runs"), "{wrong:?}");
    std::fs::write(&told, "{}\n").unwrap();
    let unread = command(&["--acknowledged", told.to_str().unwrap()]);
    assert_eq!(unread.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unread.stderr).contains("line 1"), "{unread:?}");
}
