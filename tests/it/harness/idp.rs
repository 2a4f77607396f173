//! An identity provider in this process. It signs with a key of its own, checks the calls it gets, and can be told to misbehave.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use serde_json::{Value, json};

/// The way in which a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signing {
    Properly,
    /// Not at all: `alg` is `none`.
    Not,
    /// With a key that the provider does not publish.
    ByUnknownKey,
    /// With another key under the id of the published key.
    Forged,
}

/// The behaviour of the provider, which a test can change.
pub struct Conduct {
    /// Changes to its discovery document; null removes a member.
    pub discovery: Value,
    pub signing: Signing,
    /// The answer of userinfo.
    pub userinfo: Value,
    /// More members in the header of its tokens.
    pub header: Value,
    /// The id of the key that it publishes and signs with.
    pub key_id: String,
    /// The paths that were called.
    pub called: Vec<String>,
    /// Codes, with the claims of their tokens and the challenge that they were requested with.
    codes: BTreeMap<String, (Value, String)>,
}

pub struct Idp {
    pub issuer: String,
    address: SocketAddr,
    conduct: Arc<Mutex<Conduct>>,
    running: Option<thread::JoinHandle<()>>,
}

impl Idp {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let issuer = format!("http://{address}");
        let conduct = Arc::new(Mutex::new(Conduct {
            discovery: json!({}),
            signing: Signing::Properly,
            userinfo: json!({}),
            header: json!({}),
            key_id: "one".to_owned(),
            called: Vec::new(),
            codes: BTreeMap::new(),
        }));
        let (shared, own) = (Arc::clone(&conduct), issuer.clone());
        let running = thread::spawn(move || {
            let keys = [Ed25519KeyPair::generate().unwrap(), Ed25519KeyPair::generate().unwrap()];
            for stream in listener.incoming() {
                if !serve(stream.unwrap(), &own, &keys, &shared) {
                    break;
                }
            }
        });
        Self { issuer, address, conduct, running: Some(running) }
    }

    /// Settings with this provider and one frontend. `more` is added to the provider's table.
    pub fn settings(&self, more: &str) -> String {
        format!(
            "[[identity_providers]]\nid = \"kommunen\"\nname = \"Kommunens inloggning\"\nissuer = \"{}\"\nclient_id = \"samsyn\"\n\
             client_secret = \"hemligt & långt\"\n{more}\n\
             [[login_clients]]\nclient_id = \"webben\"\nname = \"Webben\"\nredirect_uris = [\"https://webben.example.se/in\"]\n",
            self.issuer
        )
    }

    /// Changes the behaviour of the provider.
    pub fn is_told(&self, change: impl FnOnce(&mut Conduct)) {
        change(&mut self.conduct.lock().unwrap());
    }

    /// Number of calls to a path.
    pub fn calls(&self, path: &str) -> usize {
        self.conduct.lock().unwrap().called.iter().filter(|called| *called == path).count()
    }

    /// Signs somebody in at the address that the browser was sent to. Returns the path that the browser is sent back to. `claims`
    /// replace those that the provider would make; null removes one.
    pub fn sign_in(&self, address: &str, claims: &Value) -> String {
        let asked = parameters(address);
        assert!(address.starts_with(&format!("{}/authorize?", self.issuer)), "{address}");
        assert_eq!((asked["response_type"].as_str(), asked["code_challenge_method"].as_str()), ("code", "S256"));
        assert_eq!(asked["redirect_uri"], "https://samsyn.example.se/oauth2/callback");
        let now = super::today().timestamp();
        let mut said = json!({"iss": self.issuer, "aud": "samsyn", "exp": now + 300, "iat": now, "nonce": asked["nonce"], "sub": "kim-1",
            "email": "kim@kommun.example.se", "email_verified": true, "name": "Kim på kommunen"});
        lay_over(&mut said, claims);
        let mut conduct = self.conduct.lock().unwrap();
        let code = format!("code-{}", conduct.codes.len());
        conduct.codes.insert(code.clone(), (said, asked["code_challenge"].clone()));
        format!("/oauth2/callback?code={code}&state={}", asked["state"])
    }
}

impl Drop for Idp {
    fn drop(&mut self) {
        if let Ok(mut stream) = TcpStream::connect(self.address) {
            let _ = stream.write_all(b"GET /stop HTTP/1.1\r\n\r\n");
        }
        if let Some(running) = self.running.take() {
            let _ = running.join();
        }
    }
}

/// The decoded parameters of an address.
pub fn parameters(address: &str) -> BTreeMap<String, String> {
    let query = address.split_once('?').map_or(address, |(_, query)| query);
    query.split('&').filter_map(|pair| pair.split_once('=')).map(|(name, value)| (decoded(name), decoded(value))).collect()
}

fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut at, mut out) = (0, Vec::new());
    while at < bytes.len() {
        if bytes[at] == b'%' {
            out.push(u8::from_str_radix(&text[at + 1..at + 3], 16).unwrap());
            at += 2;
        } else {
            out.push(if bytes[at] == b'+' { b' ' } else { bytes[at] });
        }
        at += 1;
    }
    String::from_utf8(out).unwrap()
}

fn lay_over(value: &mut Value, over: &Value) {
    for (name, member) in over.as_object().into_iter().flatten() {
        if member.is_null() {
            value.as_object_mut().unwrap().shift_remove(name);
        } else {
            value[name] = member.clone();
        }
    }
}

/// Answers one call. Returns false when the provider is to stop.
fn serve(stream: TcpStream, issuer: &str, keys: &[Ed25519KeyPair; 2], conduct: &Mutex<Conduct>) -> bool {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or_default() == 0 || line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_owned());
    }
    let header = |name: &str| {
        head.iter().filter_map(|line| line.split_once(": ")).find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    };
    let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let path = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
    let mut conduct = conduct.lock().unwrap();
    conduct.called.push(path.clone());
    let (status, answer) = match path.as_str() {
        "/stop" => return false,
        "/.well-known/openid-configuration" => {
            let mut said = json!({"issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/jwks"),
                "userinfo_endpoint": format!("{issuer}/userinfo")});
            lay_over(&mut said, &conduct.discovery);
            (200, said)
        }
        "/jwks" => {
            let public = BASE64.encode(keys[0].public_key().as_ref());
            let key = json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": conduct.key_id, "x": public});
            (200, json!({"keys": [{"kty": "something new", "kid": "zero"}, key]}))
        }
        "/userinfo" => (200, conduct.userinfo.clone()),
        "/token" => token(&mut conduct, header("authorization"), &String::from_utf8(body).unwrap(), keys),
        _ => (404, json!({})),
    };
    let answer = answer.to_string();
    let mut stream = reader.into_inner();
    let _ = write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}",
        answer.len()
    );
    true
}

/// Redeems a code as a real provider does: once, and only with the secret and the verifier.
fn token(conduct: &mut Conduct, authorization: Option<&str>, body: &str, keys: &[Ed25519KeyPair; 2]) -> (u16, Value) {
    let basic = base64::prelude::BASE64_STANDARD.encode("samsyn:hemligt%20%26%20l%C3%A5ngt");
    if authorization != Some(&format!("Basic {basic}")) {
        return (401, json!({"error": "invalid_client"}));
    }
    let given = parameters(body);
    let Some((claims, challenge)) = given.get("code").and_then(|code| conduct.codes.remove(code)) else {
        return (400, json!({"error": "invalid_grant"}));
    };
    if given["grant_type"] != "authorization_code" || BASE64.encode(digest(&SHA256, given["code_verifier"].as_bytes())) != challenge {
        return (400, json!({"error": "invalid_grant"}));
    }
    let (algorithm, id, key) = match conduct.signing {
        Signing::Properly => ("EdDSA", conduct.key_id.clone(), &keys[0]),
        Signing::Not => ("none", conduct.key_id.clone(), &keys[0]),
        Signing::ByUnknownKey => ("EdDSA", "unknown".to_owned(), &keys[1]),
        Signing::Forged => ("EdDSA", conduct.key_id.clone(), &keys[1]),
    };
    let part = |value: Value| BASE64.encode(value.to_string());
    let mut said = json!({"alg": algorithm, "kid": id, "typ": "JWT"});
    lay_over(&mut said, &conduct.header);
    let signed = format!("{}.{}", part(said), part(claims));
    let signature = if algorithm == "none" { String::new() } else { BASE64.encode(key.sign(signed.as_bytes())) };
    (200, json!({"access_token": "at the provider", "token_type": "Bearer", "id_token": format!("{signed}.{signature}")}))
}
