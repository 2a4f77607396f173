//! The extractors of handlers: path parts, query parameters and bodies, checked against the contract.
//!
//! The middleware has read all of it before the handler runs, so extractors never wait. Therefore they run in the order of the
//! handler's arguments, and the first argument (the caller's permission) is always checked first.

use std::{
    future::{Ready, ready},
    rc::Rc,
    sync::Arc,
};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header, web};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};
use utoipa::ToSchema;

use super::{
    contract::{self, Contract},
    fields,
    language::say,
    personal_number,
    problem::{Fault, Kind, Problem, Result},
    request,
    schema::MOST_FAULTS,
    text,
};

/// The least number from which on whole numbers are not exact in JSON: 2^53.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// The parts of the path, as typed ids.
#[derive(Clone, Copy, Debug)]
pub struct At<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for At<T> {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let parts = web::Path::<T>::extract(request).into_inner();
        ready(parts.map(|parts| Self(parts.into_inner())).map_err(|_| {
            let wrong = request.match_info().iter().find(|(_, part)| uuid::Uuid::parse_str(part).is_err());
            let name = wrong.map(|(name, _)| name.to_owned()).unwrap_or_default();
            Problem::parameters(vec![Fault::of_parameter(&name, "wrong-form", say!(
                "Adressens {name} är varken ett id eller en känd kod. Ett id ser ut som 01890a5d-ac96-774b-bcce-b302099a8057; kopiera det från id i svaret.",
                "The address's {name} is neither an id nor a known code. An id looks like 01890a5d-ac96-774b-bcce-b302099a8057; copy it from id in an answer."
            ))])
        }))
    }
}

/// The parameters of the query after they have been checked, stored in the request's extensions.
pub struct Parameters(pub Rc<Value>);

/// A group of query parameters.
#[derive(Clone, Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = || {
            let parameters = request.extensions().get::<Parameters>().map(|parameters| Rc::clone(&parameters.0));
            // They are missing only when the caller was refused. The answer is then that refusal, not this problem.
            let parameters = parameters.ok_or_else(|| Problem::new(Kind::Internal))?;
            serde_path_to_error::deserialize(&*parameters).map(Self).map_err(|error| {
                let name = error.path().to_string();
                Problem::parameters(vec![Fault::of_parameter(
                    name,
                    "wrong-form",
                    say!("Värdet går inte att använda.", "The value cannot be used."),
                )])
            })
        };
        ready(read())
    }
}

/// A JSON body that is valid against its schema.
#[derive(Clone, Debug)]
pub struct Valid<T>(pub T);

impl<T: DeserializeOwned + ToSchema> FromRequest for Valid<T> {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(checked(request).map(Self))
    }
}

/// Returns the JSON body of a call, checked against its schema.
///
/// # Errors
/// When the media type is another (415), the body is not JSON (400) or too large (413), or it has faults (422). The problem has all
/// faults found.
pub fn checked<T: DeserializeOwned + ToSchema>(request: &HttpRequest) -> Result<T> {
    let body = json(request, &["application/json"])?;
    contract(request)?.check(&T::name(), &body)?;
    typed(body)
}

/// Returns a value from another system, checked against the schema of a request body as if a caller had sent it.
///
/// # Errors
/// When the value has faults (422). The problem has all faults found.
pub fn said<T: DeserializeOwned + ToSchema>(value: &Value, contract: &Contract) -> Result<T> {
    let body = parse(value.to_string().as_bytes())?;
    contract.check(&T::name(), &body)?;
    typed(body)
}

/// Returns the contract of the running service.
///
/// # Errors
/// When the service was put together without one (500).
pub fn contract(request: &HttpRequest) -> Result<Arc<Contract>> {
    request
        .app_data::<web::Data<Contract>>()
        .map(|contract| Arc::clone(contract))
        .ok_or_else(|| Problem::internal(&"the service runs without a contract"))
}

/// Deserialises a JSON value that has been checked against the schema of the type.
///
/// # Errors
/// When the schema admits a value that the type does not. The fault has a pointer to that value.
pub fn typed<T: DeserializeOwned>(body: Value) -> Result<T> {
    serde_path_to_error::deserialize(body).map_err(|error| {
        let pointer = error.path().iter().fold(String::new(), |pointer, segment| format!("{pointer}/{segment}"));
        Problem::fault(pointer, "wrong-form", say!("Värdet går inte att använda.", "The value cannot be used."))
    })
}

/// Returns the body of a call as JSON, read by [`parse`].
///
/// # Errors
/// When the media type is none of these or the charset is not UTF-8 (415), and the errors of [`parse`].
pub fn json(request: &HttpRequest, media_types: &[&str]) -> Result<Value> {
    let given = request.content_type().to_ascii_lowercase();
    let typed = fields::items(request.headers(), header::CONTENT_TYPE).next();
    let charset = typed.as_ref().and_then(|typed| typed.parameter("charset"));
    let foreign = charset.is_some_and(|name| !["utf-8", "utf8"].iter().any(|known| name.eq_ignore_ascii_case(known)));
    if !media_types.contains(&given.as_str()) || foreign {
        let wanted = media_types.join(", ");
        return Err(Problem::new(Kind::UnsupportedMediaType).detail(say!(
            "Skicka innehållet som {wanted} i UTF-8, med huvudet Content-Type.",
            "Send the body as {wanted} in UTF-8, with the header Content-Type."
        )));
    }
    let meta = request::meta(request).ok_or_else(|| Problem::internal(&"a body was read before the request"))?;
    parse(&meta.body)
}

/// Parses JSON strictly: a name may not occur twice in an object, because parsers treat that differently. Texts are composed to NFC.
///
/// # Errors
/// When the bytes are not JSON in UTF-8 or repeat a name (400), have more than 300 000 values (413), or contain a character that cannot
/// be stored or a personal identity number. The last two have one fault for each place, up to a limit.
pub fn parse(bytes: &[u8]) -> Result<Value> {
    let mut found = Findings::default();
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = Strict { location: Location::Top, found: &mut found }.deserialize(&mut reader).and_then(|body| reader.end().map(|()| body));
    if found.values > MAX_VALUES {
        return Err(Problem::new(Kind::TooLarge).detail(say!(
            "Innehållet har fler än {MAX_VALUES} värden. Dela upp det i flera anrop.",
            "The body has more than {MAX_VALUES} values. Divide it into several calls."
        )));
    }
    let body = read.map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let repeated =
            error.to_string().strip_prefix("repeated name ").and_then(|rest| rest.split(" at line").next()).map(ToOwned::to_owned);
        Problem::new(Kind::MalformedJson).detail(match repeated {
            Some(name) => say!(
                "Namnet {name} står två gånger i samma objekt (rad {line}). Ta bort det ena.",
                "The name {name} stands twice in one object (line {line}). Remove one."
            ),
            None => say!(
                "Innehållet är inte giltig JSON: felet upptäcktes på rad {line}, tecken {column}.",
                "The body is not valid JSON: the fault was found at line {line}, column {column}."
            ),
        })
    })?;
    if found.faults.is_empty() { Ok(body) } else { Err(Problem::invalid(found.faults)) }
}

/// The largest number of values in a body. There is a limit because a value takes far more memory than its text.
const MAX_VALUES: usize = 300_000;

/// The faults and the number of values found in a body so far.
#[derive(Default)]
struct Findings {
    /// The first [`MOST_FAULTS`] faults.
    faults: Vec<Fault>,
    /// The number of values, also those inside lists and objects.
    values: usize,
}

impl Findings {
    fn add_fault(&mut self, fault: impl FnOnce() -> Fault) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(fault());
        }
    }
}

/// The location of a value in a body. The JSON Pointer is made only for a fault, since that costs time and memory.
#[derive(Clone, Copy)]
enum Location<'a> {
    Top,
    Member(&'a Self, &'a str),
    Item(&'a Self, usize),
}

impl Location<'_> {
    fn pointer(self) -> String {
        match self {
            Self::Top => String::new(),
            Self::Member(above, name) => {
                format!("{}/{}", above.pointer(), personal_number::mask(name).replace('~', "~0").replace('/', "~1"))
            }
            Self::Item(above, index) => format!("{}/{index}", above.pointer()),
        }
    }

    /// Whether the value is a secret or a cursor, by the name of its member. Such a value is compared or decoded and never shown, so
    /// it may look like a personal identity number.
    fn is_secret(self) -> bool {
        let Self::Member(_, name) = self else { return false };
        let name = name.to_ascii_lowercase();
        name == "code" || name == "cursor" || ["password", "token", "secret", "recoverycode"].iter().any(|end| name.ends_with(end))
    }
}

/// Deserialises a value strictly, with the location of the value.
struct Strict<'a> {
    location: Location<'a>,
    found: &'a mut Findings,
}

impl Strict<'_> {
    fn check_text(self, text: &str) -> Value {
        let Self { location, found } = self;
        if let Some(letter) = text::forbidden_character(text) {
            found.add_fault(|| Fault::at_pointer(location.pointer(), "forbidden-character", contract::forbidden(letter)));
        } else if personal_number::contains(text) && !location.is_secret() {
            found.add_fault(|| personal_number::fault(location.pointer()));
        }
        Value::String(text::composed(text))
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.found.values += 1;
        if self.found.values > MAX_VALUES {
            return Err(D::Error::custom("too many values"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        // `5.0` is a whole number in JSON Schema.
        #[expect(clippy::cast_possible_truncation, reason = "it is a whole number below 2^53")]
        if value.fract() == 0.0 && value.abs() < WHOLE {
            return Ok((value as i64).into());
        }
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(self.check_text(value))
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let Self { location, found } = self;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Strict { location: Location::Item(&location, list.len()), found })? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let Self { location, found } = self;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(A::Error::custom(format_args!("repeated name {}", text::quoted(&name))));
            }
            let member = Location::Member(&location, &name);
            if personal_number::contains(&name) {
                found.add_fault(|| personal_number::fault(member.pointer()));
            }
            if let Some(letter) = text::forbidden_character(&name) {
                found.add_fault(|| Fault::at_pointer(member.pointer(), "forbidden-character", contract::forbidden(letter)));
            }
            let value = members.next_value_seed(Strict { location: member, found })?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

/// Deserialises text and trims the blanks around it.
///
/// # Errors
/// When the value is not text.
pub fn trimmed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(|text| text.trim().to_owned())
}

/// Deserialises a list of texts and trims the blanks around each.
///
/// # Errors
/// When the value is not a list of texts.
pub fn each_trimmed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Vec::<String>::deserialize(deserializer).map(|texts| texts.into_iter().map(|text| text.trim().to_owned()).collect())
}

/// Deserialises text that may be null and trims the blanks around it. Returns `None` for null and for blank text. A member that may be
/// absent also needs `#[serde(default)]`.
///
/// # Errors
/// When the value is neither text nor null.
pub fn blank_is_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ambiguous_json_is_refused() {
        for body in [r#"{"a":1,"a":2}"#, "{", "[1,]", r#""\ud800""#, "1e400", "{} {}", "\u{FEFF}{}", ""] {
            assert_eq!(parse(body.as_bytes()).map_err(|problem| problem.kind).err(), Some(Kind::MalformedJson), "{body}");
        }
        assert_eq!(parse(&[b'"', 0xff, b'"']).err().map(|problem| problem.kind), Some(Kind::MalformedJson));
        let deep = "[".repeat(10_000);
        assert_eq!(parse(deep.as_bytes()).err().map(|problem| problem.kind), Some(Kind::MalformedJson));
    }

    #[test]
    fn hidden_characters_are_all_pointed_at() {
        let problem = parse(br#"{"a":"x\u0000","b/c":["\u202e"]}"#).err();
        let pointers: Vec<_> = problem.map(|problem| problem.faults.into_iter().map(|fault| fault.pointer).collect()).unwrap_or_default();
        assert_eq!(pointers, ["/a", "/b~1c/0"]);
    }

    #[test]
    fn personal_identity_numbers_are_refused_and_not_repeated() -> Result<(), String> {
        let problem =
            parse(br#"{"a":"x 811228-9874","811228-9874":[{"b":"198112289874"}],"password":"811228-9874"}"#).err().ok_or("taken")?;
        assert_eq!(problem.kind, Kind::PersonalIdentityNumber);
        let pointers: Vec<_> = problem.faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["/a", "/[personnummer]", "/[personnummer]/0/b"]);
        Ok(())
    }

    #[test]
    fn abuse_113_a_small_body_never_takes_much_memory_or_time() {
        // Each body is at most two megabytes. Without the limits it takes hundreds of megabytes, or minutes.
        let values = format!("[{}1]", "{},".repeat(600_000));
        assert_eq!(parse(values.as_bytes()).err().map(|problem| problem.kind), Some(Kind::TooLarge));
        let hidden = format!("[{}1]", "\"\\u0000\",".repeat(200_000));
        assert_eq!(parse(hidden.as_bytes()).err().map(|problem| problem.faults.len()), Some(MOST_FAULTS));
        let far = format!("{{\"{}\":[{}0]}}", "x".repeat(1_000_000), "0,".repeat(290_000));
        assert!(parse(far.as_bytes()).is_ok());
    }

    #[test]
    fn text_is_composed() {
        assert_eq!(parse("\"A\u{30A}\"".as_bytes()).ok(), Some(Value::from("Å")));
    }
}
