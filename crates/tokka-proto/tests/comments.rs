//! Is the reference complete? Every message, field, enum, value, service and call of the API has a comment.

use prost::Message;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet};

/// Numbers of `descriptor.proto` that paths of comments are made of.
const MESSAGES: i32 = 4;
const ENUMS: i32 = 5;
const SERVICES: i32 = 6;
const FIELDS: i32 = 2;
const VALUES: i32 = 2;
const METHODS: i32 = 2;

#[test]
fn everything_has_a_comment() {
    let set = FileDescriptorSet::decode(tokka_proto::DESCRIPTOR_SET).expect("a descriptor set");
    let ours = set.file.iter().filter(|file| file.package() == "tokka.v1");
    let (mut places, mut silent) = (0, Vec::new());
    for file in ours {
        for (path, name) in places_of(file) {
            places += 1;
            if !commented(file, &path) {
                silent.push(format!("{}: {name}", file.name()));
            }
        }
    }
    assert!(silent.is_empty(), "no comment at {silent:#?}");
    assert!(places > 150, "only {places} places were looked at");
}

fn commented(file: &FileDescriptorProto, path: &[i32]) -> bool {
    let locations = file.source_code_info.iter().flat_map(|info| &info.location);
    locations.filter(|location| location.path == path).any(|location| !location.leading_comments().trim().is_empty())
}

fn places_of(file: &FileDescriptorProto) -> Vec<(Vec<i32>, String)> {
    let mut places = Vec::new();
    for (index, message) in numbered(&file.message_type) {
        add_message(&mut places, &[MESSAGES, index], message);
    }
    for (index, declared) in numbered(&file.enum_type) {
        add_enum(&mut places, &[ENUMS, index], declared);
    }
    for (index, service) in numbered(&file.service) {
        places.push((vec![SERVICES, index], service.name().to_owned()));
        for (method_index, method) in numbered(&service.method) {
            places.push((vec![SERVICES, index, METHODS, method_index], method.name().to_owned()));
        }
    }
    places
}

fn add_message(places: &mut Vec<(Vec<i32>, String)>, path: &[i32], message: &DescriptorProto) {
    places.push((path.to_vec(), message.name().to_owned()));
    for (index, field) in numbered(&message.field) {
        places.push(([path, &[FIELDS, index]].concat(), format!("{}.{}", message.name(), field.name())));
    }
}

fn add_enum(places: &mut Vec<(Vec<i32>, String)>, path: &[i32], declared: &EnumDescriptorProto) {
    places.push((path.to_vec(), declared.name().to_owned()));
    let prefix = screaming(declared.name());
    for (index, value) in numbered(&declared.value) {
        assert!(value.name().starts_with(&prefix), "`{}` does not begin with `{prefix}`", value.name());
        places.push(([path, &[VALUES, index]].concat(), value.name().to_owned()));
    }
    let first = declared.value.first().map(|value| value.name().to_owned());
    assert_eq!(first, Some(format!("{prefix}UNSPECIFIED")), "the first value of `{}`", declared.name());
}

/// `OutcomeCode` → `OUTCOME_CODE_`
fn screaming(name: &str) -> String {
    let mut out = String::new();
    for (index, letter) in name.chars().enumerate() {
        if letter.is_uppercase() && index > 0 {
            out.push('_');
        }
        out.push(letter.to_ascii_uppercase());
    }
    out + "_"
}

fn numbered<T>(of: &[T]) -> impl Iterator<Item = (i32, &T)> {
    (0..).zip(of)
}
