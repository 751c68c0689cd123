//! How mail is sent, as it is and as it is to be, and a mail to try it with.
//! What the operator set is shown with the variable it came by, and is not to be changed here.

use leptos::prelude::*;
use workflow::{
    SecretName,
    api::{NoticeSettings, SetNoticeSettings, SmtpTls},
};

use super::{
    answer::{Answer, Refused},
    locked_by,
};
use crate::{
    api,
    components::{Button, ButtonType, Field, Select, SelectOption, TextInput, use_toasts},
    error::AppError,
    form::{FormError, at_field, local_error, outcome},
    session::use_session,
};

/// Those that show what is wrong with them, named as in `NoticeSettings`.
const FIELDS: [&str; 6] = ["host", "port", "tls", "user", "password", "from"];

const PASSWORD_HELP: &str = "What it is called on the page of secrets. It has to name this host and its port";

/// What is typed.
#[derive(Clone, Copy)]
struct Typed {
    host: RwSignal<String>,
    port: RwSignal<String>,
    tls: RwSignal<String>,
    user: RwSignal<String>,
    password: RwSignal<String>,
    from: RwSignal<String>,
}

impl Typed {
    fn of(settings: &NoticeSettings) -> Self {
        Self {
            host: RwSignal::new(settings.host.clone()),
            port: RwSignal::new(shown_port(settings)),
            tls: RwSignal::new(settings.tls.as_str().to_owned()),
            user: RwSignal::new(settings.user.clone()),
            password: RwSignal::new(settings.password.as_ref().map(ToString::to_string).unwrap_or_default()),
            from: RwSignal::new(settings.from.clone()),
        }
    }

    fn wanted(self, known: &NoticeSettings) -> Result<SetNoticeSettings, AppError> {
        let password = self.password.get_untracked().trim().to_owned();
        Ok(SetNoticeSettings {
            host: self.host.get_untracked().trim().to_owned(),
            port: port(&self.port.get_untracked())?,
            tls: tls_of(&self.tls.get_untracked()),
            user: self.user.get_untracked(),
            password: (!password.is_empty()).then(|| SecretName::new(password)),
            from: self.from.get_untracked(),
            content: known.content,
            expect_revision: known.revision,
        })
    }
}

/// Empty where it is the usual one.
fn shown_port(settings: &NoticeSettings) -> String {
    if settings.port == settings.tls.default_port() { String::new() } else { settings.port.to_string() }
}

fn port(text: &str) -> Result<Option<u16>, AppError> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            let mut error = local_error(format!("`{text}` is no port: write a number up to 65535, or nothing"));
            error.0.field = Some("port".to_owned());
            error
        }),
    }
}

fn tls_of(value: &str) -> SmtpTls {
    SmtpTls::ALL.into_iter().find(|tls| tls.as_str() == value).unwrap_or_default()
}

fn tls_options() -> Vec<SelectOption> {
    let words = |tls: SmtpTls| match tls {
        SmtpTls::Implicit => "From the first byte (TLS)",
        SmtpTls::Starttls => "Before anything is said (STARTTLS)",
        SmtpTls::None => "Not at all: only in a network of your own",
    };
    SmtpTls::ALL.into_iter().map(|tls| SelectOption::new(tls.as_str(), words(tls))).collect()
}

async fn save(wanted: Result<SetNoticeSettings, AppError>) -> Result<NoticeSettings, AppError> {
    api::set_notice_settings(wanted?).await
}

#[component]
pub(super) fn Mail(known: RwSignal<NoticeSettings>, on_reload: Callback<()>) -> impl IntoView {
    let toasts = use_toasts();
    let typed = known.with_untracked(Typed::of);
    let send = Action::new(move |(): &()| save(known.with_untracked(|known| typed.wanted(known))));
    let error = outcome(send, move |settings: NoticeSettings| {
        known.set(settings);
        toasts.success("How mail is sent is saved");
    });
    let form = Form { known, error };
    let usual_port = Signal::derive(move || {
        let tls = tls_of(&typed.tls.get());
        format!("Empty: {}, as is usual", tls.default_port())
    });
    view! {
        <section class="card" aria-labelledby="mail">
            <div class="card-head"><h2 id="mail">"Mail"</h2></div>
            <form
                class="card-body form"
                novalidate
                autocomplete="off"
                on:submit=move |event| {
                    event.prevent_default();
                    send.dispatch(());
                }
            >
                <p class="muted">
                    "The server that takes mail from Weft. " {links_words(known)}
                </p>
                <Refused error fields=&FIELDS on_reload/>
                <div class="form-row">
                    <Setting form field="host" label="Host" help="Empty: no mail is sent" value=typed.host placeholder="smtp.example.org"/>
                    <Setting form field="port" label="Port" help=usual_port value=typed.port/>
                </div>
                <Field id="notice-tls" label="Encrypted" help=lock_words(known, "tls", "") error=at_field(error, "tls")>
                    <Select value=typed.tls options=tls_options() disabled=is_locked(known, "tls")/>
                </Field>
                <div class="form-row">
                    <Setting form field="user" label="User" help="Empty: nobody signs in there" value=typed.user/>
                    <Setting form field="password" label="Secret with the password" help=PASSWORD_HELP value=typed.password placeholder="smtp"/>
                </div>
                <Setting form field="from" label="From" help="Who sends" value=typed.from placeholder="Weft <weft@example.org>"/>
                <div class="form-actions">
                    <Button kind=ButtonType::Submit loading=send.pending()>"Save"</Button>
                </div>
            </form>
            <div class="card-foot"><TestMail known/></div>
        </section>
    }
}

fn links_words(known: RwSignal<NoticeSettings>) -> AnyView {
    let (base, variable) =
        known.with_untracked(|known| (known.base_url.clone(), locked_by(known, "base_url").unwrap_or_default()));
    if variable.is_empty() {
        view! { "Links in notices begin with " <code>{base}</code> "." }.into_any()
    } else {
        view! { "Links in notices begin with " <code>{base}</code> ", set by " <code>{variable}</code> "." }.into_any()
    }
}

/// What the fields share.
#[derive(Clone, Copy)]
struct Form {
    known: RwSignal<NoticeSettings>,
    error: Signal<Option<AppError>>,
}

/// What stands under a field: what it means, or that the operator set it.
fn lock_words(known: RwSignal<NoticeSettings>, field: &str, help: &str) -> String {
    known.with_untracked(|known| {
        locked_by(known, field)
            .map_or_else(|| help.to_owned(), |variable| format!("Set by {variable}, and changed there alone"))
    })
}

fn is_locked(known: RwSignal<NoticeSettings>, field: &str) -> bool {
    known.with_untracked(|known| locked_by(known, field).is_some())
}

#[component]
fn Setting(
    form: Form,
    field: &'static str,
    label: &'static str,
    #[prop(into)] help: Signal<String>,
    value: RwSignal<String>,
    #[prop(optional)] placeholder: &'static str,
) -> impl IntoView {
    let Form { known, error } = form;
    let words = Signal::derive(move || help.with(|help| lock_words(known, field, help)));
    view! {
        <Field id=format!("notice-{field}") label help=words error=at_field(error, field)>
            <TextInput value mono=true autocomplete="off" placeholder disabled=is_locked(known, field)/>
        </Field>
    }
}

/// By what is saved, not by what is typed.
#[component]
fn TestMail(known: RwSignal<NoticeSettings>) -> impl IntoView {
    let email = use_session().user_untracked().map(|user| user.email).unwrap_or_default();
    let test = Action::new(|(): &()| api::test_notice_email());
    let answer = RwSignal::new(None);
    let error = outcome(test, move |test| answer.set(Some(test)));
    let to = email.clone();
    view! {
        <div class="stack" data-gap="2">
            <FormError error/>
            {move || answer.get().map(|test| view! { <Answer to=to.clone() test/> })}
            <Show
                when=move || known.with(|known| !known.host.is_empty())
                fallback=|| view! { <span class="muted small">"Once a host is saved, a test can be sent"</span> }
            >
                <div>
                    <Button
                        icon="send"
                        loading=test.pending()
                        on_click=move |()| {
                            answer.set(None);
                            test.dispatch(());
                        }
                    >
                        "Send a test"
                    </Button>
                    " "
                    <span class="muted small">{format!("To {email}, as it is saved")}</span>
                </div>
            </Show>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_a_number_or_the_usual_one() {
        assert_eq!(port("  "), Ok(None));
        assert_eq!(port(" 2525 "), Ok(Some(2525)));
        for text in ["smtp", "70000", "-1", "25.5"] {
            let error = port(text).unwrap_err();
            assert_eq!(error.0.field.as_deref(), Some("port"), "{text}");
            assert!(error.0.detail.contains(text), "{text}");
        }
    }

    #[test]
    fn every_kind_of_encryption_can_be_chosen() {
        let options = tls_options();
        assert_eq!(options.len(), SmtpTls::ALL.len());
        for (option, tls) in options.iter().zip(SmtpTls::ALL) {
            assert_eq!(tls_of(&option.value), tls);
        }
    }
}
