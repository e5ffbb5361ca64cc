//! What does a failed call leave behind, and is it worth another try?

/// Why a call has no answer, sorted by what the caller must assume.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// It certainly never ran: nobody was reached, or the server's own answer says so.
    #[error("{0}")]
    NothingDone(String),
    /// It may have run: no answer in time, or the connection broke after it was sent.
    #[error("{0}")]
    Unknown(String),
    /// An error that the script itself answered, or one that no rule of this file knows, verbatim.
    #[error("{0}")]
    Script(String),
}

/// What an error answer of a server means for the call; the table is in `link.rs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The server does not have the script: send its source.
    Load,
    /// Another node owns the slot: `host:port`, whose host may be empty.
    Moved(String),
    /// The server is no primary (any more): find out who is.
    NotPrimary,
    /// It will pass by itself: ask again a little later.
    Soon,
    /// Nothing was done, and asking again at once would not help.
    Refused,
    /// It is the script's own business.
    Script,
}

/// Judges an error answer, as the server wrote it.
///
/// Servers below 7 wrap what a command inside a script answered. Of these, four are decided by a state that cannot change
/// while a script runs, so that the first write was refused; the others may follow a write.
pub(crate) fn judge(error: &str) -> Verdict {
    let (code, detail) = error.split_once(' ').unwrap_or((error, ""));
    match code {
        "READONLY" => return Verdict::NotPrimary,
        "OOM" | "MISCONF" | "NOREPLICAS" => return Verdict::Refused,
        "ERR" if detail.starts_with("Error running script") => return judge_wrapped(detail),
        _ => {}
    }
    if error.contains("@user_script") {
        return Verdict::Script;
    }
    match code {
        "NOSCRIPT" => Verdict::Load,
        "MOVED" => detail.split_once(' ').map_or(Verdict::Refused, |(_, address)| Verdict::Moved(address.to_owned())),
        "LOADING" | "CLUSTERDOWN" | "MASTERDOWN" => Verdict::Soon,
        "ASK" | "TRYAGAIN" | "BUSY" | "NOAUTH" | "WRONGPASS" | "NOPERM" => Verdict::Refused,
        _ => Verdict::Script,
    }
}

fn judge_wrapped(detail: &str) -> Verdict {
    let says = |code: &str| detail.contains(&format!(": -{code} "));
    if says("READONLY") {
        return Verdict::NotPrimary;
    }
    if says("OOM") || says("MISCONF") || says("NOREPLICAS") {
        return Verdict::Refused;
    }
    Verdict::Script
}

/// The error as the server wrote it; the client library takes its first word off.
pub(crate) fn verbatim(error: &redis::ServerError) -> String {
    match error.details() {
        Some(detail) => format!("{} {detail}", error.code()),
        None => error.code().to_owned(),
    }
}

/// `error`, with what it means beside it where its own words leave that open.
pub(crate) fn explain(error: &str) -> String {
    let hint = match error.split(' ').next().unwrap_or_default() {
        "ASK" | "TRYAGAIN" => "the slot is being moved to another node",
        "BUSY" => "another script has run for too long",
        "OOM" => "the server's memory is full",
        "NOREPLICAS" => "fewer replicas are in touch with the primary than its min-replicas-to-write",
        "NOAUTH" | "WRONGPASS" => "user or password of the store URL are not accepted",
        "NOPERM" => "the user of the store URL lacks a permission",
        _ => return error.to_owned(),
    };
    format!("{hint}: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_has_a_verdict() {
        let table = [
            ("NOSCRIPT No matching script. Please use EVAL.", Verdict::Load),
            ("MOVED 3999 127.0.0.1:6381", Verdict::Moved("127.0.0.1:6381".to_owned())),
            ("MOVED 3999 :6381", Verdict::Moved(":6381".to_owned())),
            ("MOVED", Verdict::Refused),
            ("ASK 3999 127.0.0.1:6381", Verdict::Refused),
            ("TRYAGAIN Multiple keys request during rehashing of slot", Verdict::Refused),
            ("LOADING Redis is loading the dataset in memory", Verdict::Soon),
            ("CLUSTERDOWN The cluster is down", Verdict::Soon),
            ("CLUSTERDOWN Hash slot not served", Verdict::Soon),
            ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", Verdict::Soon),
            ("READONLY You can't write against a read only replica.", Verdict::NotPrimary),
            ("NOREPLICAS Not enough good replicas to write.", Verdict::Refused),
            ("OOM command not allowed when used memory > 'maxmemory'.", Verdict::Refused),
            ("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", Verdict::Refused),
            ("MISCONF Redis is configured to save RDB snapshots, but it's unable to persist to disk.", Verdict::Refused),
            ("NOAUTH Authentication required.", Verdict::Refused),
            ("WRONGPASS invalid username-password pair or user is disabled.", Verdict::Refused),
            ("NOPERM User tokka has no permissions to run the 'evalsha' command", Verdict::Refused),
            ("TOKKA STORE_EMPTY", Verdict::Script),
            ("ERR wrong number of arguments for 'get' command", Verdict::Script),
            (
                "WRONGTYPE Operation against a key holding the wrong kind of value script: 6f1a, on @user_script:1.",
                Verdict::Script,
            ),
        ];
        for (error, verdict) in table {
            assert_eq!(judge(error), verdict, "{error}");
        }
    }

    #[test]
    fn what_a_script_met_after_a_write_is_never_called_nothing() {
        // The same codes, from a command in the middle of a script.
        for error in [
            "TRYAGAIN Multiple keys request during rehashing of slot script: 6f1a, on @user_script:9.",
            "CLUSTERDOWN The cluster is down script: 6f1a, on @user_script:9.",
            "ERR Script attempted to access a non local key in a cluster node script: 6f1a, on @user_script:9.",
            "ERR Error running script (call to f_6f1a): @user_script:9: @user_script: 9: -CLUSTERDOWN The cluster is down",
            "ERR Error running script (call to f_6f1a): @user_script:9: user_script:9: attempt to index a nil value",
        ] {
            assert_eq!(judge(error), Verdict::Script, "{error}");
        }
    }

    #[test]
    fn refused_first_writes_are_known_in_both_spellings() {
        let old = |what: &str| format!("ERR Error running script (call to f_6f1a): @user_script:3: @user_script: 3: -{what} x");
        let new = |what: &str| format!("{what} x script: 6f1a, on @user_script:3.");
        for spelling in [old as fn(&str) -> String, new as fn(&str) -> String] {
            assert_eq!(judge(&spelling("READONLY")), Verdict::NotPrimary);
            for code in ["OOM", "MISCONF", "NOREPLICAS"] {
                assert_eq!(judge(&spelling(code)), Verdict::Refused, "{code}");
            }
        }
    }
}
