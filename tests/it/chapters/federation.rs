//! Signing in with an organisation's identity provider, as a frontend begins it.

use crate::{
    harness::{TestApp, today},
    story::{StoryRecords, Teller},
};

pub fn tell(t: &mut Teller<'_>, _: &StoryRecords) {
    // An instance with one provider. The provider is never called.
    let settings = "identity_providers = [{ id = \"botkyrka\", name = \"Botkyrka kommun\", issuer = \"https://login.botkyrka.example.se\", client_id = \"samsyn\" }]";
    let instance = TestApp::at_with(today(), &t.app.url, 7_000_000, settings);
    t.get(&instance.anybody(), "/identity-providers");
}
