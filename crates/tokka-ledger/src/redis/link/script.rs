//! How is a script named to a server, old or new?

use std::sync::OnceLock;

/// One Lua script, written for Redis 7: its first line is `#!lua` or `#!lua flags=…`. Servers below 7 know no such line and
/// get the rest. Meant to be a `static`.
#[derive(Debug)]
pub(crate) struct Script {
    /// How logs and errors call it.
    pub(crate) name: &'static str,
    source: &'static str,
    flagged: OnceLock<Form>,
    plain: OnceLock<Form>,
}

/// A script as one kind of server knows it.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) source: &'static str,
    /// 40 hexadecimal digits.
    pub(crate) sha1: String,
}

impl Script {
    /// `source` is the file as `include_str!` gives it.
    pub(crate) const fn new(name: &'static str, source: &'static str) -> Self {
        Script { name, source, flagged: OnceLock::new(), plain: OnceLock::new() }
    }

    /// What a server gets that knows the first line (`flagged`: Redis 7 and Valkey), or one that does not.
    pub(crate) fn form(&self, flagged: bool) -> &Form {
        if flagged {
            self.flagged.get_or_init(|| Form::of(self.source))
        } else {
            self.plain.get_or_init(|| Form::of(without_first_line(self.source)))
        }
    }
}

impl Form {
    fn of(source: &'static str) -> Self {
        Form { source, sha1: redis::Script::new(source).get_hash().to_owned() }
    }
}

/// The line end stays, so that errors name the same lines of the file.
fn without_first_line(source: &'static str) -> &'static str {
    if !source.starts_with("#!") {
        return source;
    }
    source.find('\n').and_then(|end| source.get(end..)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_line_is_for_those_who_know_it() {
        let script = Script::new("one", "#!lua flags=allow-oom\nreturn 1");
        assert_eq!(script.form(true).source, "#!lua flags=allow-oom\nreturn 1");
        assert_eq!(script.form(false).source, "\nreturn 1");
        assert_ne!(script.form(true).sha1, script.form(false).sha1);
        // `printf 'return 1' | sha1sum`
        assert_eq!(Script::new("bare", "return 1").form(false).sha1, "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    }
}
