//! Who is told of which gates, where and how soon: a pure function of who is asked and what they chose.
//! Must never tell somebody twice of one gate at one place, nor fill anybody's mail: what is too much is gathered.

use std::collections::BTreeMap;

use store::notices::{
    Choice, GateKey, Recipient,
    gates::{SeenGate, WantedNotice},
};
use workflow::{RunId, TemplateId, UserId, api::NoticeWhen, id::NoticeAddressId, notices::DEFAULT_FOR_MAIL};

/// What is known of those who may be told.
pub(crate) struct Known<'a> {
    pub(crate) choices: &'a [Choice],
    /// Messages about single runs in the last hour, by to whom.
    pub(crate) recent: &'a BTreeMap<Recipient, i64>,
    /// Whether mail can be sent at all.
    pub(crate) has_mail: bool,
    /// Messages about single runs that one may get in an hour; beyond that they are gathered.
    pub(crate) most_per_hour: i64,
}

/// The messages to make. `asked`: each gate with those whom it asks.
pub(crate) fn plan(asked: &[(SeenGate, Vec<UserId>)], known: &Known<'_>) -> Vec<WantedNotice> {
    let mut by_user: BTreeMap<UserId, Vec<&Choice>> = BTreeMap::new();
    for choice in known.choices {
        by_user.entry(choice.user).or_default().push(choice);
    }
    let mut wanted: BTreeMap<(Recipient, Option<RunId>), Vec<GateKey>> = BTreeMap::new();
    let mut n_single = known.recent.clone();
    for (gate, users) in asked {
        for (to, when) in soonest(gate, users, &by_user, known.has_mail) {
            let run = match when {
                NoticeWhen::Never => continue,
                NoticeWhen::Hourly => None,
                NoticeWhen::AtOnce => single(gate.key.run, to, known.most_per_hour, &wanted, &mut n_single),
            };
            wanted.entry((to, run)).or_default().push(gate.key.clone());
        }
    }
    wanted.into_iter().map(|((to, run), gates)| WantedNotice { to, run, gates }).collect()
}

/// The run, if a message about it alone is not one too many.
fn single(
    run: RunId,
    to: Recipient,
    most: i64,
    wanted: &BTreeMap<(Recipient, Option<RunId>), Vec<GateKey>>,
    n_single: &mut BTreeMap<Recipient, i64>,
) -> Option<RunId> {
    if wanted.contains_key(&(to, Some(run))) {
        return Some(run);
    }
    let n = n_single.entry(to).or_default();
    if *n >= most {
        return None;
    }
    *n += 1;
    Some(run)
}

/// Where this gate is told, and how soon: of an address that several chose, as soon as one of them wants it.
fn soonest(
    gate: &SeenGate,
    users: &[UserId],
    by_user: &BTreeMap<UserId, Vec<&Choice>>,
    has_mail: bool,
) -> BTreeMap<Recipient, NoticeWhen> {
    let mut told = BTreeMap::new();
    for user in users {
        let choices = by_user.get(user).map(Vec::as_slice).unwrap_or_default();
        if has_mail {
            let when = chosen(choices, None, gate.template).unwrap_or(DEFAULT_FOR_MAIL);
            told.insert(Recipient::Person(*user), when);
        }
        for address in choices.iter().filter_map(|choice| choice.address) {
            let when = chosen(choices, Some(address), gate.template).unwrap_or(NoticeWhen::Never);
            let entry = told.entry(Recipient::Address(address)).or_insert(when);
            *entry = sooner(*entry, when);
        }
    }
    told
}

/// What somebody chose for this workflow at this place, or for all of them.
fn chosen(choices: &[&Choice], address: Option<NoticeAddressId>, template: TemplateId) -> Option<NoticeWhen> {
    let here = || choices.iter().filter(move |choice| choice.address == address);
    let of_workflow = here().find(|choice| choice.template == Some(template));
    of_workflow.or_else(|| here().find(|choice| choice.template.is_none())).map(|choice| choice.when)
}

fn sooner(one: NoticeWhen, other: NoticeWhen) -> NoticeWhen {
    match (one, other) {
        (NoticeWhen::AtOnce, _) | (_, NoticeWhen::AtOnce) => NoticeWhen::AtOnce,
        (NoticeWhen::Hourly, _) | (_, NoticeWhen::Hourly) => NoticeWhen::Hourly,
        (NoticeWhen::Never, NoticeWhen::Never) => NoticeWhen::Never,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const ANNA: UserId = UserId(Uuid::from_u128(1));
    const BEN: UserId = UserId(Uuid::from_u128(2));
    const ROOM: NoticeAddressId = NoticeAddressId(Uuid::from_u128(3));
    const LETTERS: TemplateId = TemplateId(Uuid::from_u128(4));

    fn gate(run: u128, step: &str) -> SeenGate {
        SeenGate {
            key: GateKey { run: RunId(Uuid::from_u128(run)), step: step.into(), generation: 1, number: 1 },
            seq: 1,
            template: LETTERS,
            template_name: "Letters".to_owned(),
            about: None,
            title: step.to_owned(),
            owner: BEN,
            allow_self: true,
            roles: Vec::new(),
            users: Vec::new(),
            opened_at: chrono::DateTime::UNIX_EPOCH,
            due_at: None,
        }
    }

    fn choice(user: UserId, address: Option<NoticeAddressId>, of: Option<TemplateId>, when: NoticeWhen) -> Choice {
        Choice { user, address, template: of, when }
    }

    fn planned(asked: &[(SeenGate, Vec<UserId>)], choices: &[Choice], has_mail: bool) -> Vec<WantedNotice> {
        let known = Known { choices, recent: &BTreeMap::new(), has_mail, most_per_hour: 20 };
        plan(asked, &known)
    }

    #[test]
    fn who_chose_nothing_gets_mail_at_once_where_mail_is_set_up_and_nothing_else() {
        let asked = [(gate(9, "a"), vec![ANNA])];
        let told = planned(&asked, &[], true);
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].to, told[0].run.is_some()), (Recipient::Person(ANNA), true));
        assert!(planned(&asked, &[], false).is_empty());
    }

    #[test]
    fn what_is_chosen_for_a_workflow_goes_before_what_is_chosen_for_all() {
        let asked = [(gate(9, "a"), vec![ANNA])];
        let never = choice(ANNA, None, Some(LETTERS), NoticeWhen::Never);
        let all = choice(ANNA, None, None, NoticeWhen::Hourly);
        assert!(planned(&asked, &[all, never], true).is_empty());
        let told = planned(&asked, &[all], true);
        assert_eq!((told.len(), told[0].run), (1, None), "gathered");
        let elsewhere = choice(ANNA, None, Some(TemplateId(Uuid::from_u128(8))), NoticeWhen::Never);
        assert_eq!(planned(&asked, &[elsewhere], true).len(), 1);
    }

    #[test]
    fn an_address_that_two_chose_is_told_once_and_as_soon_as_one_of_them_wants() {
        let asked = [(gate(9, "a"), vec![ANNA, BEN])];
        let choices = [
            choice(ANNA, Some(ROOM), None, NoticeWhen::Hourly),
            choice(BEN, Some(ROOM), Some(LETTERS), NoticeWhen::AtOnce),
        ];
        let told = planned(&asked, &choices, false);
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].to, told[0].run.is_some()), (Recipient::Address(ROOM), true));
        assert!(planned(&[(gate(9, "a"), vec![])], &choices, false).is_empty(), "nobody who chose it is asked");
    }

    #[test]
    fn ten_thousand_gates_of_one_run_are_one_message_and_too_many_runs_are_gathered() {
        let asked: Vec<_> = (0..10_000).map(|n| (gate(9, &format!("a{n}")), vec![ANNA])).collect();
        let told = planned(&asked, &[], true);
        assert_eq!((told.len(), told[0].gates.len()), (1, 10_000));
        let asked: Vec<_> = (0..30).map(|n| (gate(n, "a"), vec![ANNA])).collect();
        let told = planned(&asked, &[], true);
        let gathered: Vec<_> = told.iter().filter(|notice| notice.run.is_none()).collect();
        assert_eq!((told.len(), gathered.len(), gathered[0].gates.len()), (21, 1, 10));
        let recent = BTreeMap::from([(Recipient::Person(ANNA), 20)]);
        let known = Known { choices: &[], recent: &recent, has_mail: true, most_per_hour: 20 };
        let told = plan(&asked, &known);
        assert_eq!((told.len(), told[0].run), (1, None), "of the hour before too");
    }
}
