//! Which URLs are read, and what is said of the others?

use super::*;

fn read(text: &str) -> StoreUrl {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn address(host: &str, port: u16) -> Address {
    Address { host: host.to_owned(), port }
}

#[test]
fn good_ones_are_told_without_passwords() {
    let table = [
        ("redis://h", "redis://h:6379"),
        ("redis://h/", "redis://h:6379"),
        ("redis://h:7000/3", "redis://h:7000/3"),
        ("redis://:secret@h", "redis://:***@h:6379"),
        ("rediss://tokka:secret@h?ca=/etc/ca.pem", "rediss://tokka:***@h:6379"),
        ("redis://:secret@[::1]:7000", "redis://:***@[::1]:7000"),
        ("redis://[::1]", "redis://[::1]:6379"),
        ("redis+sentinel://a,b:1,c", "redis+sentinel://a:26379,b:1,c:26379/mymaster"),
        ("redis+sentinel://u:secret@a/shop?sentinel_user=s&sentinel_password=secret", "redis+sentinel://u:***@a:26379/shop"),
        ("rediss+sentinel://a/shop-1.x_", "rediss+sentinel://a:26379/shop-1.x_"),
        ("redis+cluster://a,b", "redis+cluster://a:6379,b:6379"),
        ("rediss+cluster://:secret@a/?prefix=x", "rediss+cluster://:***@a:6379"),
    ];
    for (text, told) in table {
        let url = read(text);
        assert_eq!(url.to_string(), told, "{text}");
        let debug = format!("{url:?} {:?} {:?}", url.credentials, url.kind);
        assert!(!debug.contains("secret"), "{debug}");
    }
}

#[test]
fn parts_are_where_they_belong() {
    let url = read(
        "rediss+sentinel://to%3Aka:p%40ss%2F%25@a,b:1/shop?sentinel_user=s&sentinel_password=w%26&min_replicas=2&fsync=true&ca=ca.pem&prefix=p.1&unchecked=config",
    );
    assert_eq!(url.credentials.user.as_deref(), Some("to:ka"));
    assert_eq!(url.credentials.password.as_deref(), Some("p@ss/%"));
    assert_eq!(url.hosts, [address("a", 26379), address("b", 1)]);
    let sentinel = Credentials { user: Some("s".to_owned()), password: Some("w&".to_owned()) };
    assert_eq!(url.kind, Kind::Sentinel { service: "shop".to_owned(), credentials: sentinel });
    assert_eq!((url.min_replicas(), url.fsync(), url.prefix(), url.unchecked_config, url.tls), (2, true, "p.1", true, true));
    assert_eq!(url.ca.as_deref(), Some(std::path::Path::new("ca.pem")));

    let plain = read("redis://h/5");
    assert_eq!(plain.kind, Kind::Single { db: 5 });
    assert_eq!((plain.min_replicas(), plain.fsync(), plain.prefix(), plain.unchecked_config), (0, false, "tokka", false));
    // A password may hold an `@` and a `:` as they are: the last `@` ends it, the first `:` begins it.
    assert_eq!(read("redis://u:a@b:c@h").credentials.password.as_deref(), Some("a@b:c"));
}

#[test]
fn bad_ones_are_told_by_their_part() {
    let table = [
        ("h:6379", format!("no scheme: it begins with one of {SCHEMES}, then `://`")),
        ("http://h", format!("scheme `http` is not one of {SCHEMES}")),
        ("redis+ring://h", format!("scheme `redis+ring` is not one of {SCHEMES}")),
        ("redis://", "host is missing".to_owned()),
        ("redis://u:secret@", "host is missing".to_owned()),
        ("redis+cluster://a,,b", "host is missing".to_owned()),
        ("redis://:6379", "host `:6379`: no name before the port".to_owned()),
        ("redis://h:port", "host `h:port`: the port is a number from 1 to 65535".to_owned()),
        ("redis://h:0", "host `h:0`: the port is a number from 1 to 65535".to_owned()),
        ("redis://h:65536", "host `h:65536`: the port is a number from 1 to 65535".to_owned()),
        ("redis://::1", "host `::1`: an IPv6 address stands in brackets".to_owned()),
        ("redis://[::1", "host `[::1`: `[` without `]`".to_owned()),
        ("redis://[h]", "host `[h]`: not an IPv6 address between the brackets".to_owned()),
        ("redis://[::1]7", "host `[::1]7`: only a port may follow `]`".to_owned()),
        ("redis://h h", "host `h h`: a name has no spaces".to_owned()),
        ("redis://a,b", "2 hosts: `redis` takes one, several are of `redis+sentinel` or `redis+cluster`".to_owned()),
        ("rediss://a,b", "2 hosts: `rediss` takes one, several are of `rediss+sentinel` or `rediss+cluster`".to_owned()),
        ("redis://h/shop", "database `shop` is not a number from 0 to 65535".to_owned()),
        ("redis://h/-1", "database `-1` is not a number from 0 to 65535".to_owned()),
        ("redis+cluster://h/1", "path `/1`: a cluster has neither databases nor services".to_owned()),
        ("redis+sentinel://h/a b", "service `a b`: a name is of A-Z a-z 0-9 . - _".to_owned()),
        ("redis://u@h", "user without a password: write `user:password@`, or `:password@` for the default user".to_owned()),
        ("redis://:%zz@h", "password: `%` is not followed by two hexadecimal digits; write it as %25".to_owned()),
        ("redis://:secret%@h", "password: `%` is not followed by two hexadecimal digits; write it as %25".to_owned()),
        ("redis://%ff:x@h", "user: not UTF-8 once decoded".to_owned()),
        ("redis://h?colour=red", format!("option `colour` is not one of {OPTIONS}")),
        ("redis://h?prefix", "option `prefix` has no value".to_owned()),
        ("redis://h?prefix=a&prefix=b", "option `prefix` stands there twice".to_owned()),
        ("redis://h?prefix=a{b}", "option `prefix`: `a{b}` is not 1 to 64 of A-Z a-z 0-9 _ . -".to_owned()),
        ("redis://h?prefix=", "option `prefix`: `` is not 1 to 64 of A-Z a-z 0-9 _ . -".to_owned()),
        ("redis://h?min_replicas=two", "option `min_replicas`: `two` is not a number from 0 to 16".to_owned()),
        ("redis://h?min_replicas=17", "option `min_replicas`: `17` is not a number from 0 to 16".to_owned()),
        ("redis://h?fsync=1", "option `fsync`: `1` is neither `true` nor `false`".to_owned()),
        ("redis://h?unchecked=all", "option `unchecked`: `all` is not `config`".to_owned()),
        ("redis://h?ca=x", "option `ca` is of TLS: the scheme begins with `rediss`".to_owned()),
        ("rediss://h?ca=", "option `ca` names no file".to_owned()),
        ("redis://h?sentinel_user=x", "option `sentinel_user` is of Sentinel: the scheme ends with `+sentinel`".to_owned()),
        ("redis+sentinel://h?sentinel_user=x", "option `sentinel_user` needs `sentinel_password`".to_owned()),
    ];
    for (text, why) in table {
        let error = text.parse::<StoreUrl>().expect_err(text);
        assert_eq!(error.to_string(), format!("store URL: {why}"), "{text}");
    }
}

#[test]
fn no_part_of_a_password_is_repeated_however_it_is_torn() {
    let hint = "store URL: an `@` stands after the hosts: write `/`, `?` and `@` in a password as %2F, %3F and %40";
    for text in ["redis://:sec/ret@h", "redis://:sec?ret@h", "redis://:sec@x/ret@h", "redis+cluster://u:sec?prefix=ret@h/x"] {
        assert_eq!(text.parse::<StoreUrl>().expect_err(text).to_string(), hint, "{text}");
    }
}

#[test]
fn a_password_may_be_kept_elsewhere() {
    let with = |text: &str| StoreUrl::with_password(text, "s:e/c@ret".to_owned());
    let table = [("redis://h", None), ("rediss+cluster://tokka@a,b", Some("tokka")), ("redis+sentinel://u@a/shop", Some("u"))];
    for (text, user) in table {
        let url = with(text).unwrap();
        assert_eq!((url.credentials.user.as_deref(), url.credentials.password.as_deref()), (user, Some("s:e/c@ret")), "{text}");
        assert!(!format!("{url} {url:?}").contains("ret"), "{url}");
    }
    let twice = with("redis://u:secret@h").unwrap_err().to_string();
    assert_eq!(twice, "store URL: a password stands in it and elsewhere: one of them is enough");
}
