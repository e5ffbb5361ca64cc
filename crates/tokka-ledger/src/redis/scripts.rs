//! What runs inside Redis? The scripts, each one `.lua` file behind the head that all of them begin with.

use super::link::Script;

/// The text of a script: its header for the server, the common head, and its own part.
macro_rules! text {
    ($flags:literal, $file:literal) => {
        concat!(
            "#!lua",
            $flags,
            "\n",
            include_str!("scripts/epoch.lua"),
            include_str!("scripts/head.lua"),
            include_str!(concat!("scripts/", $file))
        )
    };
}

/// Changes that may take something: refused as a whole where the server's memory is used up.
pub(crate) static APPLY: Script = Script::new("apply", text!("", "apply.lua"));
/// Changes that only settle or give back: done also where it is.
pub(crate) static SETTLE: Script = Script::new("settle", text!(" flags=allow-oom", "apply.lua"));
pub(crate) static READ: Script = Script::new("read", text!(" flags=allow-oom", "read.lua"));
pub(crate) static PUT: Script = Script::new("put", text!("", "put.lua"));
pub(crate) static DUE: Script = Script::new("due", text!(" flags=allow-oom", "due.lua"));
pub(crate) static LOG: Script = Script::new("log", text!(" flags=allow-oom", "log.lua"));
pub(crate) static PASS: Script = Script::new("pass", text!(" flags=allow-oom", "pass.lua"));
pub(crate) static ADMIT: Script = Script::new("admit", text!(" flags=allow-oom", "admit.lua"));
pub(crate) static AGE: Script = Script::new("age", text!(" flags=allow-oom", "age.lua"));
pub(crate) static REVIVE: Script = Script::new("revive", text!(" flags=allow-oom", "revive.lua"));
pub(crate) static SURVEY: Script = Script::new("survey", text!(" flags=allow-oom", "survey.lua"));
pub(crate) static DEBIT: Script = Script::new("debit", text!("", "debit.lua"));
pub(crate) static CREDIT: Script = Script::new("credit", text!(" flags=allow-oom", "credit.lua"));
pub(crate) static CLOSE: Script = Script::new("close", text!(" flags=allow-oom", "close.lua"));
pub(crate) static BIND: Script = Script::new("bind", text!(" flags=allow-oom", "bind.lua"));
pub(crate) static FREEZE: Script = Script::new("freeze", text!(" flags=allow-oom", "freeze.lua"));
pub(crate) static LIFT: Script = Script::new("lift", text!(" flags=allow-oom", "lift.lua"));
pub(crate) static BALANCE: Script = Script::new("balance", text!(" flags=allow-oom", "balance.lua"));
pub(crate) static BEAT: Script = Script::new("beat", text!(" flags=allow-oom", "beat.lua"));
pub(crate) static SHUT: Script = Script::new("shut", text!(" flags=allow-oom", "shut.lua"));
pub(crate) static MEND: Script = Script::new("mend", text!(" flags=allow-oom", "mend.lua"));
pub(crate) static OPEN: Script = Script::new("open", text!(" flags=allow-oom", "open.lua"));
/// These two make what the head of the others asks for.
pub(crate) static INIT: Script =
    Script::new("init", concat!("#!lua\n", include_str!("scripts/epoch.lua"), include_str!("scripts/init.lua")));
pub(crate) static ROOT: Script = Script::new("root", concat!("#!lua\n", include_str!("scripts/root.lua")));

/// Every one, to be loaded into a server that is met.
pub(crate) static ALL: &[&Script] = &[
    &APPLY, &SETTLE, &READ, &PUT, &DUE, &LOG, &PASS, &ADMIT, &AGE, &REVIVE, &SURVEY, &DEBIT, &CREDIT, &CLOSE, &BIND, &FREEZE,
    &LIFT, &BALANCE, &BEAT, &MEND, &SHUT, &OPEN, &INIT, &ROOT,
];

#[cfg(test)]
mod tests {
    /// Each is a number that Lua, Rust and the stamp of a record have exactly, and rises: also after 2039, when milliseconds of
    /// 1970 times 4096 would not be one any more.
    #[tokio::test(flavor = "multi_thread")]
    async fn epochs_rise_exactly_for_centuries() {
        let server = tokka_rig::Redis::start();
        let source = concat!(
            include_str!("scripts/epoch.lua"),
            "local epoch = new_epoch(ARGV[1], ARGV[2], ARGV[3])\n",
            "return epoch .. ' ' .. string.format('%.0f', struct.unpack('>I8', struct.pack('>I8', tonumber(epoch))))",
        );
        let begun = |now: u64, run: &str, before: u64| {
            let said = server.cli(&["EVAL", source, "0", &now.to_string(), run, &before.to_string()]);
            let (epoch, stamp) = said.split_once(' ').unwrap();
            assert_eq!(epoch, stamp, "at {now}");
            epoch.parse::<u64>().unwrap()
        };
        // Golden: part of the layout.
        assert_eq!(begun(1_795_500_000_000, "a1b2", 0), 2_827_440_000 * 4_096 + 0xa1b);
        for year in [2026_u64, 2039, 2100, 2700] {
            let now = 1_767_225_600_000 + (year - 2026) * 31_556_952_000;
            let (first, next) = (begun(now, "ffff", 0), begun(now + 10, "0000", 0));
            assert!(first < next && next < 1 << 53, "{year}: {first}, {next}");
            // Of two servers at one moment each has its own, and a clock that was set back changes nothing.
            assert_ne!(begun(now, "0010", 0), begun(now, "0020", 0));
            assert_eq!(begun(now, "0000", next), next + 1);
        }
        assert_eq!(begun(0, "0000", 0), 1, "a clock that knows no date");
    }
}
