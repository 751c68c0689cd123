//! The way back after signing in: the address of the sign-in page remembers where somebody wanted to go.
//! Must never lead to another site, whatever the address says.

/// The sign-in page, remembering where the person wanted to go.
pub fn login_path(asked: &str) -> String {
    if asked == "/" || asked == "/dashboard" {
        return "/login".to_owned();
    }
    format!("/login?next={}", leptos_router::location::Url::escape(asked))
}

/// The page to open after signing in: a path of this site, never another one.
pub fn safe_next(next: &str) -> &str {
    let is_path = next.starts_with('/') && !next.starts_with("//");
    // Browsers read a backslash as a slash and drop control characters, so `/\evil` would leave the site.
    let is_plain = !next.chars().any(|c| c == '\\' || c.is_control());
    if is_path && is_plain && !next.starts_with("/login") { next } else { "/dashboard" }
}

#[cfg(test)]
mod tests {
    use super::safe_next;

    #[test]
    fn only_paths_of_this_site_are_followed_after_signing_in() {
        let table = [
            ("/runs/1?tab=output", "/runs/1?tab=output"),
            ("", "/dashboard"),
            ("https://evil.example", "/dashboard"),
            ("//evil.example", "/dashboard"),
            ("/\\evil.example", "/dashboard"),
            ("/\t/evil.example", "/dashboard"),
            ("/login?next=/login", "/dashboard"),
            ("javascript:alert(1)", "/dashboard"),
        ];
        for (asked, followed) in table {
            assert_eq!(safe_next(asked), followed, "{asked:?}");
        }
    }
}
