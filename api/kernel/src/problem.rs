//! Errors (RFC 9457). There is a closed list of kinds of problem; each has an HTTP status, a page that explains it, and texts in
//! two languages. Every error becomes a [`Problem`], and internal details never reach a caller.

mod database;

use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    body::BoxBody,
    http::{Method, StatusCode},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    contract::ROOT,
    language::{Language, Text, say},
    personal_number, text,
};

/// The result of a function that can fail with a [`Problem`].
pub type Result<T, E = Problem> = std::result::Result<T, E>;

macro_rules! kinds {
($($(#[$doc:meta])* $kind:ident $status:literal $slug:literal
[$title_sv:literal, $title_en:literal] [$help_sv:literal, $help_en:literal];)*) => {
/// The kinds of problem. The list is closed: a new kind is a change of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind { $($(#[$doc])* $kind,)* }

impl Kind {
/// All kinds, in the order of their status.
pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

/// Returns the HTTP status.
#[must_use]
pub const fn status(self) -> u16 { match self { $(Self::$kind => $status,)* } }

/// Returns the `code`, which is also the last part of the problem's `type`.
#[must_use]
pub const fn slug(self) -> &'static str { match self { $(Self::$kind => $slug,)* } }

/// Returns the title, which is the same for every problem of the kind.
#[must_use]
pub fn title(self) -> Text { match self { $(Self::$kind => say!($title_sv, $title_en),)* } }

/// Returns the text of the problem's page: what happened and what to do.
#[must_use]
pub fn help(self) -> Text { match self { $(Self::$kind => say!($help_sv, $help_en),)* } }
}
};
}

kinds! {
/// The body is not valid JSON.
MalformedJson 400 "malformed-json"
["Innehållet går inte att läsa", "The body cannot be read"]
["Det som skickades är inte giltig JSON. Felet står med rad och kolumn. Vanliga orsaker är ett kommatecken för mycket, ett citattecken för lite eller samma namn två gånger.",
"What was sent is not valid JSON. The fault is given with line and column. Common causes are a comma too many, a missing quotation mark or the same name twice."];
/// A parameter of the address is unknown or wrong.
InvalidParameter 400 "invalid-parameter"
["En parameter i adressen är fel", "A parameter in the address is wrong"]
["En parameter i adressen är okänd eller har ett värde som inte går att använda. Varje fel står under `errors` med parameterns namn.",
"A parameter in the address is unknown or has a value that cannot be used. Each fault stands under `errors` with the parameter's name."];
/// A cursor was altered, or is not from this list, filter, order or caller.
InvalidCursor 400 "invalid-cursor"
["Markören hör inte hit", "The cursor does not belong here"]
["En markör (`cursor`) gäller bara för den användare, det filter och den ordning som den kom från. Börja om från första sidan utan `cursor`.",
"A cursor is valid only for the user, filter and order it came from. Start again from the first page without `cursor`."];
/// The call has no valid access token.
Unauthenticated 401 "unauthenticated"
["Inloggning krävs", "Sign-in required"]
["Anropet saknar en giltig åtkomstbiljett. Logga in med POST /sessions och skicka `Authorization: Bearer …`. En biljett gäller några minuter och förnyas med sessionens förnyelsekod.",
"The call has no valid access token. Sign in with POST /sessions and send `Authorization: Bearer …`. A token lasts some minutes and is renewed with the session's refresh token."];
/// The e-mail address and password do not belong together.
InvalidCredentials 401 "invalid-credentials"
["Fel e-postadress eller lösenord", "Wrong e-mail address or password"]
["E-postadressen och lösenordet hör inte ihop, eller så är kontot avstängt. Av säkerhetsskäl sägs inte vilket.",
"The e-mail address and password do not belong together, or the account is disabled. For safety it is not said which."];
/// The password is right but a code of the second step is needed too.
SecondFactorRequired 401 "second-factor-required"
["Ange också koden för tvåstegsinloggning", "Give the code of the second step too"]
["Kontot har tvåstegsinloggning. Skicka samma anrop igen med `code`: de sex siffrorna i din app, eller en av dina reservkoder.",
"The account has two-step sign-in. Send the same call again with `code`: the six digits in your app, or one of your recovery codes."];
/// The caller lacks a permission.
Forbidden 403 "forbidden"
["Behörighet saknas", "Permission missing"]
["Din roll räcker inte för detta. Den behörighet som krävs står i `requiredPermission`. Be den som samordnar arbetet om en roll som har den.",
"Your role does not reach this. The permission needed stands in `requiredPermission`. Ask the coordinator for a role that has it."];
/// The record does not exist, or the caller may not see it.
NotFound 404 "not-found"
["Finns inte", "Not found"]
["Det som söktes finns inte, är borttaget, eller är inget som du har rätt att se. Kontrollera adressen och id:t.",
"What was asked for does not exist, was removed, or is nothing you may see. Check the address and the id."];
/// The address exists but not with this method.
MethodNotAllowed 405 "method-not-allowed"
["Metoden kan inte användas här", "Method not allowed here"]
["Adressen finns, men inte med denna HTTP-metod. De som går att använda står i svarshuvudet `Allow`.",
"The address exists, but not with this HTTP method. Those that can be used stand in the response header `Allow`."];
/// The answer has no media type that the caller accepts.
NotAcceptable 406 "not-acceptable"
["Svaret finns inte i den formen", "The answer does not exist in that form"]
["Huvudet `Accept` ber om en form som inte finns. Svaren är `application/json` och felen `application/problem+json`. Listor finns också som `text/csv`, XLSX och `application/x-ndjson`.",
"The header `Accept` asks for a form that does not exist. Answers are `application/json` and problems `application/problem+json`. Lists are there as `text/csv`, XLSX and `application/x-ndjson` too."];
/// The call took too long to arrive.
Timeout 408 "timeout"
["Anropet kom inte fram i tid", "The call did not arrive in time"]
["Anropet tog för lång tid att ta emot. Försök igen.", "The call took too long to receive. Try again."];
/// The state of a record, or a unique value of another record, is in conflict with the call.
Conflict 409 "conflict"
["Krockar med något som redan finns", "In conflict with what is there"]
["Det går inte att göra så länge läget är som det är: något liknande finns redan, eller så är ärendet i ett skede där detta inte går. `conflictsWith` pekar på det som står i vägen.",
"It cannot be done as things stand: something like it exists already, or the matter is in a phase where this cannot be done. `conflictsWith` points to what stands in the way."];
/// A law demands that the data is kept.
KeptByLaw 409 "kept-by-law"
["Måste bevaras enligt lag", "Must be kept by law"]
["Uppgifterna kan inte raderas nu. Antingen är de undantagna från gallring, eller så står de i en allmän handling som ska bevaras enligt arkivlagen (1990:782) tills det finns ett gallringsbeslut. `detail` säger vilket, och `conflictsWith` pekar på det som måste bevaras.",
"The data cannot be erased now. Either it is under a legal hold, or it stands in an official document that the Archives Act (1990:782) says must be kept until there is a decision on disposal. `detail` says which, and `conflictsWith` points to what must be kept."];
/// A call with the same idempotency key is being carried out.
InProgress 409 "in-progress"
["Samma anrop pågår redan", "The same call is being carried out"]
["Ett anrop med samma `Idempotency-Key` pågår. Vänta en stund och försök igen med samma nyckel.",
"A call with the same `Idempotency-Key` is being carried out. Wait a moment and try again with the same key."];
/// A cursor, or the time in which something was possible, has expired.
Expired 410 "expired"
["Gäller inte längre", "No longer valid"]
["En markör (`cursor`) är för gammal: börja om från första sidan. Det som togs bort kan bara återställas en tid, som står i `detail`.",
"A cursor is too old: start again from the first page. What was removed can be restored only for a time, which stands in `detail`."];
/// The record has become part of another record.
Merged 410 "merged"
["Har gått upp i en annan", "Has become part of another"]
["Det som söktes har slagits ihop med något annat och finns kvar där. `mergedInto` säger vilket. Använd det id:t från och med nu och byt ut det gamla i era egna system; en sammanslagning kan ångras, och då svarar det gamla id:t igen.",
"What was asked for has been merged with something else and lives on there. `mergedInto` says which. Use that id from now on and replace the old one in your own systems; a merge can be undone, and then the old id answers again."];
/// Another call has changed the record since the caller read it.
PreconditionFailed 412 "precondition-failed"
["Någon annan har ändrat under tiden", "Somebody else changed it meanwhile"]
["Det du ändrar har ändrats sedan du läste det. Läs det på nytt, gör om din ändring och skicka den med den nya `ETag` i `If-Match`.",
"What you change has been changed since you read it. Read it again, redo your change and send it with the new `ETag` in `If-Match`."];
/// The body is too large.
TooLarge 413 "too-large"
["För stort", "Too large"]
["Det som skickades är större än gränsen. Gränserna står i GET /config. Dela upp det i flera anrop.",
"What was sent is larger than the limit. The limits stand in GET /config. Divide it into several calls."];
/// The address is too long.
AddressTooLong 414 "address-too-long"
["Adressen är för lång", "The address is too long"]
["Adressen med sina parametrar är längre än gränsen i GET /config.",
"The address with its parameters is longer than the limit in GET /config."];
/// The body has a media type that cannot be read here.
UnsupportedMediaType 415 "unsupported-media-type"
["Formatet kan inte läsas här", "The format cannot be read here"]
["Huvudet `Content-Type` säger ett format som inte kan tas emot här. Skicka `application/json` i UTF-8.",
"The header `Content-Type` names a format that cannot be received here. Send `application/json` in UTF-8."];
/// The body can be read but breaks a rule.
Invalid 422 "invalid"
["Uppgifterna behöver rättas", "The data needs correction"]
["Innehållet går att läsa men bryter mot en eller flera regler. Alla fel står under `errors`, vart och ett med en pekare (`pointer`) till stället och en mening om vad som ska rättas.",
"The content can be read but breaks one or more rules. All faults stand under `errors`, each with a `pointer` to the place and a sentence on what to correct."];
/// A text contains a personal identity number.
PersonalIdentityNumber 422 "personal-identity-number"
["Personnummer får inte registreras", "Personal identity numbers may not be registered"]
["En text i det som skickades innehåller ett personnummer eller samordningsnummer. Samsyn handlar om organisationer, områden och gemensamma lägesbilder, inte om enskilda personer, och tar därför inte emot sådana nummer. Ingenting har sparats, och numret finns inte i loggen. Stället står under `errors`. Ta bort numret och skriv i stället en funktion (rektor), en roll (kontaktperson), en grupp (boende i Fittja) eller ett ärendenummer i ert eget system. En enskild näringsidkare registreras utan organisationsnummer.",
"A text in what was sent contains a personal identity number or coordination number. Samsyn is about organisations, areas and shared assessments, not about single persons, and therefore does not receive such numbers. Nothing was saved, and the number is not in the log. The place stands under `errors`. Remove the number and write a function (head teacher), a role (contact person), a group (residents of Fittja) or a case number in your own system instead. A sole trader is registered without an organisation number."];
/// An idempotency key was used before with other content.
KeyReused 422 "key-reused"
["Nyckeln har använts till något annat", "The key was used for something else"]
["Samma `Idempotency-Key` har använts med ett annat innehåll det senaste dygnet. Välj en ny nyckel för ett nytt anrop.",
"The same `Idempotency-Key` was used with other content within the last day. Choose a new key for a new call."];
/// A change must name the version that it changes.
PreconditionRequired 428 "precondition-required"
["Säg vilken version som ändras", "Say which version is changed"]
["För att ingen ska skriva över någon annans ändring måste anropet ha huvudet `If-Match` med den `ETag` som följde med när du läste.",
"So that nobody overwrites another's change the call must have the header `If-Match` with the `ETag` that came when you read."];
/// The caller makes too many calls.
TooManyRequests 429 "too-many-requests"
["För många anrop", "Too many calls"]
["Vänta det antal sekunder som står i `Retry-After` och försök igen.",
"Wait the number of seconds that stands in `Retry-After` and try again."];
/// The headers are too large.
HeadersTooLarge 431 "headers-too-large"
["Huvudena är för stora", "The headers are too large"]
["Anropets huvuden är större än gränsen i GET /config.", "The call's headers are larger than the limit in GET /config."];
/// An internal error.
Internal 500 "internal"
["Något gick fel hos oss", "Something went wrong with us"]
["Felet är vårt och har skrivits i loggen. Försök igen; kvarstår det, kontakta driften och ange numret i `instance`.",
"The fault is ours and is in the log. Try again; if it remains, contact the operator and give the number in `instance`."];
/// The service is too busy, or the database cannot be reached.
Unavailable 503 "unavailable"
["Tjänsten kan inte svara just nu", "The service cannot answer just now"]
["Tjänsten är hårt belastad eller databasen är borta. Inget har gjorts halvt. Försök igen efter det antal sekunder som står i `Retry-After`.",
"The service is busy or the database is away. Nothing was half done. Try again after the number of seconds in `Retry-After`."];
/// The storage is full.
StorageFull 507 "storage-full"
["Lagringsutrymmet är slut", "The storage is full"]
["Det går att läsa men inte att spara förrän driften har frigjort utrymme.",
"Reading works but nothing can be saved until the operator has made room."];
}

/// One error in a body, a row or a parameter. A problem can have many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// JSON Pointer to the place in the body; empty for the whole body and for a parameter.
    pub pointer: String,
    /// The name of the parameter at fault; `None` when the body is at fault.
    pub parameter: Option<String>,
    /// The stable code of the fault.
    pub code: &'static str,
    /// What is wrong and what to do.
    pub detail: Text,
}

impl Fault {
    /// Makes a fault at a place in the body. `pointer` is a JSON Pointer.
    #[must_use]
    pub fn at_pointer(pointer: impl Into<String>, code: &'static str, detail: Text) -> Self {
        Self { pointer: text::quoted_pointer(&pointer.into()), parameter: None, code, detail }
    }

    /// Makes a fault of a query, path or header parameter.
    #[must_use]
    pub fn of_parameter(name: impl Into<String>, code: &'static str, detail: Text) -> Self {
        Self { pointer: String::new(), parameter: Some(text::quoted_pointer(&name.into())), code, detail }
    }

    #[must_use]
    pub fn body(&self, language: Language) -> FaultBody {
        FaultBody {
            pointer: self.parameter.is_none().then(|| self.pointer.clone()),
            parameter: self.parameter.clone(),
            code: self.code.to_owned(),
            detail: self.detail.r#in(language).to_owned(),
        }
    }
}

/// One fault of a body, a row or a parameter.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Fault)]
pub struct FaultBody {
    /// JSON Pointer (RFC 6901) to the place in the body; null when a parameter is at fault.
    #[schema(example = "/name")]
    pub pointer: Option<String>,
    /// Name of the parameter at fault; null when the body is at fault.
    pub parameter: Option<String>,
    /// Stable code of the fault, the same in all languages.
    #[schema(example = "required")]
    pub code: String,
    /// What is wrong and what to do, in the caller's language.
    #[schema(example = "Ange name; uppgiften krävs.")]
    pub detail: String,
}

/// A problem document (RFC 9457). It always has all members.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Address of a page that explains this kind of problem.
    #[serde(rename = "type")]
    #[schema(format = "uri", example = "https://samsyn.example.se/problems/invalid")]
    pub kind: String,
    /// Short name of the kind of problem.
    #[schema(example = "Uppgifterna behöver rättas")]
    pub title: String,
    /// The HTTP status.
    #[schema(format = Int32, example = 422)]
    pub status: u16,
    /// What went wrong in this call and what to do, in the caller's language.
    #[schema(example = "En uppgift behöver rättas.")]
    pub detail: String,
    /// Identifier of this occurrence: `urn:samsyn:request:` and the request id, which is also in the log.
    #[schema(example = "urn:samsyn:request:01890a5d-ac96-774b-bcce-b302099a8057")]
    pub instance: String,
    /// Stable code of the kind of problem, the last part of `type`.
    #[schema(example = "invalid")]
    pub code: String,
    /// All faults found; empty for kinds of problem that have none.
    pub errors: Vec<FaultBody>,
    /// The permission that is missing, on 403; otherwise null.
    pub required_permission: Option<String>,
    /// Address of the record that is in conflict with the call, on 409; null when there is none.
    pub conflicts_with: Option<String>,
    /// The id of the record that the requested record has been merged into; null when it has not been merged.
    pub merged_into: Option<Uuid>,
}

/// An error, before it is written in the language of a caller.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The kind of problem.
    pub kind: Kind,
    /// What went wrong in this call and what to do. When it is `None`, the faults or the help of the kind take its place.
    pub detail: Option<Text>,
    /// The single faults.
    pub faults: Vec<Fault>,
    /// The permission that is missing.
    pub required_permission: Option<&'static str>,
    /// The path of the record that is in conflict with the call, with the root of the API.
    pub conflicts_with: Option<String>,
    /// The id of that record.
    pub in_the_way: Option<Uuid>,
    /// The id of the record that the requested record has been merged into.
    pub merged_into: Option<Uuid>,
    /// Headers of the response.
    pub headers: Vec<(&'static str, String)>,
    /// Whether the transaction may succeed when all of it is tried again.
    pub retry: bool,
}

impl Problem {
    /// Makes a problem of a kind without further data.
    #[must_use]
    pub const fn new(kind: Kind) -> Self {
        Self {
            kind,
            detail: None,
            faults: Vec::new(),
            required_permission: None,
            conflicts_with: None,
            in_the_way: None,
            merged_into: None,
            headers: Vec::new(),
            retry: false,
        }
    }

    /// Sets the detail: what went wrong in this call.
    #[must_use]
    pub fn detail(mut self, detail: Text) -> Self {
        self.detail = Some(detail);
        self
    }

    /// Adds a header to the response.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Puts a prefix before the pointers of all faults: the JSON Pointer of the part of the body that the faults are relative to.
    #[must_use]
    pub fn prefix_pointers(mut self, prefix: &str) -> Self {
        for fault in self.faults.iter_mut().filter(|fault| fault.parameter.is_none()) {
            fault.pointer.insert_str(0, prefix);
        }
        self
    }

    /// Returns 404: the record does not exist, or the caller may not see it.
    #[must_use]
    pub const fn not_found() -> Self {
        Self::new(Kind::NotFound)
    }

    /// Returns the problem of a body with faults (422). If one of them is a personal identity number, that decides the kind.
    #[must_use]
    pub fn invalid(faults: Vec<Fault>) -> Self {
        let personal = faults.iter().any(|fault| fault.code == personal_number::CODE);
        Self { faults, ..Self::new(if personal { Kind::PersonalIdentityNumber } else { Kind::Invalid }) }
    }

    /// Returns the problem of a body with one fault (422).
    #[must_use]
    pub fn fault(pointer: impl Into<String>, code: &'static str, detail: Text) -> Self {
        Self::invalid(vec![Fault::at_pointer(pointer, code, detail)])
    }

    /// Returns the problem of parameters that are unknown or wrong (400).
    #[must_use]
    pub fn parameters(faults: Vec<Fault>) -> Self {
        Self { faults, ..Self::new(Kind::InvalidParameter) }
    }

    /// Returns the problem of a path that does not have the method (405). `methods` are those that it has.
    #[must_use]
    pub fn method_not_allowed(methods: &[Method]) -> Self {
        Self::new(Kind::MethodNotAllowed).header("Allow", methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", "))
    }

    /// Returns a conflict with the present state (409).
    #[must_use]
    pub fn conflict(detail: Text) -> Self {
        Self::new(Kind::Conflict).detail(detail)
    }

    /// Sets the record that is in conflict with the call, which has its address below `path`.
    #[must_use]
    pub fn with_record(self, path: &str, id: impl Into<Uuid>) -> Self {
        let id = id.into();
        Self { in_the_way: Some(id), ..self.with_path(format!("{path}/{id}")) }
    }

    /// Names what is in the way by its path below the API's root.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<String>) -> Self {
        self.conflicts_with = Some(format!("{ROOT}{}", path.into()));
        self
    }

    /// Returns 410: the requested record has been merged into the record `into` of the same kind. `path` is the path of the kind below
    /// the API's root.
    #[must_use]
    pub fn merged(path: &str, into: Uuid) -> Self {
        Self { merged_into: Some(into), ..Self::new(Kind::Merged) }
            .detail(say!(
                "Posten har gått upp i en annan. Använd id {into} i stället, och byt ut det gamla id:t i era egna system.",
                "The record has become part of another. Use the id {into} instead, and replace the old one in your own systems."
            ))
            .with_record(path, into)
    }

    /// Returns the problem document for a caller.
    #[must_use]
    pub fn body(&self, language: Language, public_url: &str, request_id: &str) -> ProblemBody {
        let count = self.faults.len();
        let detail = match &self.detail {
            Some(detail) => detail.clone(),
            None if count == 1 => self.faults[0].detail.clone(),
            None if count > 1 => say!("{count} uppgifter behöver rättas; se errors.", "{count} things need correction; see errors."),
            None => self.kind.help(),
        };
        ProblemBody {
            kind: format!("{public_url}/problems/{}", self.kind.slug()),
            title: self.kind.title().r#in(language).to_owned(),
            status: self.kind.status(),
            detail: detail.r#in(language).to_owned(),
            instance: format!("urn:samsyn:request:{request_id}"),
            code: self.kind.slug().to_owned(),
            errors: self.faults.iter().map(|fault| fault.body(language)).collect(),
            required_permission: self.required_permission.map(ToOwned::to_owned),
            conflicts_with: self.conflicts_with.clone(),
            merged_into: self.merged_into,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.body(Language::En, "", "").detail)?;
        for fault in &self.faults {
            write!(f, "\n  {}{}: {}", fault.parameter.as_deref().unwrap_or_default(), fault.pointer, fault.detail.en)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Returns a response with the status and headers, and the problem as an extension. The outermost middleware writes the document,
    /// because it knows the caller's language.
    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = HttpResponse::build(self.status_code());
        for (name, value) in &self.headers {
            response.insert_header((*name, value.as_str()));
        }
        let mut response = response.finish();
        response.extensions_mut().insert(self.clone());
        response
    }
}

impl Problem {
    /// Returns the problem of an internal error (500). The error is written to the log and not shown to the caller.
    #[must_use]
    pub fn internal(error: &dyn fmt::Display) -> Self {
        tracing::error!(%error, "internal fault");
        Self::new(Kind::Internal)
    }
}

impl From<serde_json::Error> for Problem {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(&error)
    }
}
