//! May a store be kept on these servers?

use redis::{Pipeline, Value};
use tokio::time::{Duration, Instant};

use super::connection::Connection;
use super::fault::{explain, verbatim};
use super::info::{Info, Version};
use super::url::{Address, Kind, StoreUrl};

/// The oldest server that is served.
const OLDEST: Version = Version(6, 2, 0);

/// Everything that speaks against this primary, each one sentence that names it.
pub(crate) async fn objections(url: &StoreUrl, address: &Address, connection: &Connection, timeout: Duration) -> Vec<String> {
    let mut questions = Pipeline::new();
    questions.cmd("INFO").cmd("CONFIG").arg("GET").arg("min-replicas-to-write");
    let answers = match connection.ask_all(&questions, Instant::now() + timeout).await {
        Ok(answers) => answers,
        Err(lost) => return vec![format!("`{address}`: {lost}")],
    };
    let [info, config] = answers.as_slice() else {
        return vec![format!("`{address}`: fewer answers than questions")];
    };
    if let Value::ServerError(error) = info {
        return vec![format!("`{address}`: {}", explain(&verbatim(error)))];
    }
    let mut objections = judge(url, &Info::read(info), config);
    for objection in &mut objections {
        objection.insert_str(0, &format!("`{address}`: "));
    }
    objections
}

fn judge(url: &StoreUrl, info: &Info, config: &Value) -> Vec<String> {
    let mut objections = Vec::new();
    match info.version() {
        Some(version) if version < OLDEST => objections.push(format!("version {version} is too old: {OLDEST} or newer")),
        Some(version) if url.fsync && !version.knows_wait_aof() => objections.push(format!(
            "version {version} does not know WAITAOF, which `fsync=true` needs: 7.2.0 or newer, or `appendfsync always`"
        )),
        Some(_) => {}
        None => objections.push("INFO tells no version of Redis".to_owned()),
    }
    let clustered = info.get("redis_mode") == Some("cluster") || info.get("cluster_enabled") == Some("1");
    match url.kind {
        Kind::Cluster if !clustered => objections.push("no node of a cluster, as the scheme `+cluster` says".to_owned()),
        Kind::Single { .. } | Kind::Sentinel { .. } if clustered => {
            objections.push("a node of a cluster: the scheme is `redis+cluster`".to_owned());
        }
        _ => {}
    }
    if info.get("role") == Some("slave") {
        objections.push("a replica: the store URL names the primary, or the Sentinels that know it".to_owned());
    }
    match info.get("maxmemory_policy") {
        Some("noeviction") => {}
        Some(policy) => objections.push(format!("maxmemory-policy is `{policy}`, under which it forgets: set it to noeviction")),
        None if url.unchecked_config => {}
        None => objections.push(unknown("maxmemory-policy", "noeviction")),
    }
    let replicas = info.get("connected_slaves").and_then(|count| count.parse::<u32>().ok()).unwrap_or(0);
    if !matches!(url.kind, Kind::Single { .. }) || url.min_replicas > 0 || replicas > 0 {
        objections.extend(object_to_replication(url, info, config));
    }
    objections
}

/// With more than one server, a primary that was cut off must stop writing: its writes are lost with it.
fn object_to_replication(url: &StoreUrl, info: &Info, config: &Value) -> Option<String> {
    match configured(config) {
        Some(0) => Some("min-replicas-to-write is 0, with replicas: set it to 1 or more".to_owned()),
        Some(_) => None,
        // CONFIG is forbidden. INFO counts good replicas where a minimum is set.
        None if info.get("min_slaves_good_slaves").is_some() || url.unchecked_config => None,
        None => Some(unknown("min-replicas-to-write", "1 or more")),
    }
}

fn configured(config: &Value) -> Option<u64> {
    let Value::Array(pair) = config else { return None };
    let [_, Value::BulkString(value)] = pair.as_slice() else { return None };
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn unknown(setting: &str, wanted: &str) -> String {
    format!("{setting} cannot be read; if it is {wanted}, say so with `unchecked=config` in the store URL")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(url: &str, info: &str, config: Option<&str>) -> Vec<String> {
        let config = match config {
            Some(value) => {
                Value::Array(vec![Value::BulkString(b"min-replicas-to-write".to_vec()), Value::BulkString(value.into())])
            }
            None => Value::Nil,
        };
        judge(&url.parse().expect("a URL"), &Info::read(&Value::SimpleString(info.replace(' ', "\n"))), &config)
    }

    const GOOD: &str = "redis_version:7.0.15 redis_mode:standalone role:master maxmemory_policy:noeviction connected_slaves:0";

    #[test]
    fn good_servers() {
        assert_eq!(judged("redis://h", GOOD, Some("0")), [""; 0]);
        assert_eq!(judged("redis://h", GOOD, None), [""; 0]);
        assert_eq!(judged("redis://h?min_replicas=1", GOOD, Some("1")), [""; 0]);
        assert_eq!(judged("redis+sentinel://h", &format!("{GOOD} min_slaves_good_slaves:1"), None), [""; 0]);
        assert_eq!(judged("redis+sentinel://h?unchecked=config", GOOD, None), [""; 0]);
    }

    #[test]
    fn replication_wants_a_minimum() {
        let zero = ["min-replicas-to-write is 0, with replicas: set it to 1 or more"];
        assert_eq!(judged("redis+sentinel://h", GOOD, Some("0")), zero);
        assert_eq!(judged("redis+sentinel://h?unchecked=config", GOOD, Some("0")), zero);
        assert_eq!(judged("redis://h?min_replicas=1", GOOD, Some("0")), zero);
        assert_eq!(judged("redis://h", &GOOD.replace("slaves:0", "slaves:1"), Some("0")), zero);
        assert_eq!(
            judged("redis://h?min_replicas=1", GOOD, None),
            ["min-replicas-to-write cannot be read; if it is 1 or more, say so with `unchecked=config` in the store URL"]
        );
    }

    #[test]
    fn all_objections_at_once() {
        let bad = "redis_version:6.0.9 redis_mode:cluster role:slave maxmemory_policy:allkeys-lru connected_slaves:0";
        assert_eq!(
            judged("redis://h", bad, Some("0")),
            [
                "version 6.0.9 is too old: 6.2.0 or newer",
                "a node of a cluster: the scheme is `redis+cluster`",
                "a replica: the store URL names the primary, or the Sentinels that know it",
                "maxmemory-policy is `allkeys-lru`, under which it forgets: set it to noeviction",
            ]
        );
        let cluster = judged("redis+cluster://h?fsync=true", GOOD, Some("1"));
        assert_eq!(
            cluster,
            [
                "version 7.0.15 does not know WAITAOF, which `fsync=true` needs: 7.2.0 or newer, or `appendfsync always`",
                "no node of a cluster, as the scheme `+cluster` says",
            ]
        );
    }
}
