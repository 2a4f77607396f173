//! JSON for people to read and compare: what fits on a line stands on one line.

use serde_json::Value;

/// The most characters of a line, but for long texts.
const WIDTH: usize = 120;

/// A value as the text of a golden file.
pub fn pretty(value: &Value) -> String {
    let mut text = String::new();
    write(value, 0, 0, &mut text);
    text.push('\n');
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), *value);
    text
}

/// Writes a value that begins at a column, on as few lines as are readable.
fn write(value: &Value, indent: usize, column: usize, text: &mut String) {
    let line = line(value);
    let (open, parts, close) = match value {
        _ if column + line.chars().count() <= WIDTH => return text.push_str(&line),
        Value::Object(members) => ('{', members.iter().map(|(name, member)| (key(name), member)).collect::<Vec<_>>(), '}'),
        Value::Array(items) => ('[', items.iter().map(|item| (String::new(), item)).collect(), ']'),
        _ => return text.push_str(&line),
    };
    text.push(open);
    if let [(name, only)] = parts.as_slice() {
        text.push_str(name);
        write(only, indent, column + 1 + name.chars().count(), text);
    } else {
        let inner = indent + 2;
        for (at, (name, part)) in parts.iter().enumerate() {
            text.push_str(if at == 0 { "\n" } else { ",\n" });
            text.extend(std::iter::repeat_n(' ', inner));
            text.push_str(name);
            write(part, inner, inner + name.chars().count(), text);
        }
        text.push('\n');
        text.extend(std::iter::repeat_n(' ', indent));
    }
    text.push(close);
}

/// A value on one line.
fn line(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members: Vec<_> = members.iter().map(|(name, member)| key(name) + &line(member)).collect();
            format!("{{{}}}", members.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(line).collect::<Vec<_>>().join(", ")),
        _ => value.to_string(),
    }
}

fn key(name: &str) -> String {
    format!("{}: ", Value::from(name))
}
