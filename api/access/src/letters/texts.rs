//! The texts of letters in both languages.

use super::Purpose;
use crate::{
    kernel::{Text, language::Language, say},
    users::{MailLanguage, name_fault},
};

/// Returns the name for the greeting. A name that could be taken for a link is replaced by a pronoun.
fn greeting_name(name: &str, language: MailLanguage) -> &str {
    match (name_fault("", name), language) {
        (None, _) => name,
        (Some(_), MailLanguage::Sv) => "du",
        (Some(_), MailLanguage::En) => "there",
    }
}

/// Returns subject and text of an invitation to a person who already has an account.
pub fn acceptance(language: MailLanguage, name: &str, link: &str) -> (String, String) {
    let name = greeting_name(name, language);
    let subject = say!("En inbjudan i Samsyn", "An invitation in Samsyn");
    let text = say!(
        "Hej {name}!\n\nDu har redan ett konto i Samsyn, och är nu inbjuden att arbeta också hos några fler. Tar du emot inbjudan får du de behörigheter som de ger dig, och de ser ditt namn och din e-postadress. Ta emot den här, inom sju dagar:\n{link}\n\nHar du inte väntat dig det här brevet kan du bortse från det; då händer ingenting.\n",
        "Hello {name},\n\nYou have an account in Samsyn already, and are now invited to work with some others too. If you accept, you get the grants that they give you, and they see your name and e-mail address. Accept here, within seven days:\n{link}\n\nIf you did not expect this letter you can ignore it; then nothing happens.\n"
    );
    in_language(language, &subject, &text)
}

/// Returns subject and text of a letter.
pub fn text(purpose: Purpose, language: MailLanguage, name: &str, link: &str) -> (String, String) {
    let name = greeting_name(name, language);
    let (subject, text) = match purpose {
        Purpose::Invitation => (
            say!("Välkommen till Samsyn", "Welcome to Samsyn"),
            say!(
                "Hej {name}!\n\nDu är inbjuden till Samsyn, där kommuner, regioner och civilsamhälle arbetar tillsammans mot segregation.\n\nVälj ett lösenord här, inom sju dagar:\n{link}\n\nHar du inte väntat dig det här brevet kan du bortse från det.\n",
                "Hello {name},\n\nYou are invited to Samsyn, where municipalities, regions and civil society work together against segregation.\n\nChoose a password here, within seven days:\n{link}\n\nIf you did not expect this letter you can ignore it.\n"
            ),
        ),
        Purpose::PasswordReset => (
            say!("Nytt lösenord i Samsyn", "A new password in Samsyn"),
            say!(
                "Hej {name}!\n\nNågon, troligen du, har bett om ett nytt lösenord i Samsyn. Välj det här, inom en timme:\n{link}\n\nVar det inte du kan du bortse från brevet; ditt lösenord är oförändrat.\n",
                "Hello {name},\n\nSomebody, probably you, has asked for a new password in Samsyn. Choose it here, within an hour:\n{link}\n\nIf it was not you, ignore this letter; your password is unchanged.\n"
            ),
        ),
        Purpose::EmailChange => (
            say!("Bekräfta din nya adress i Samsyn", "Confirm your new address in Samsyn"),
            say!(
                "Hej {name}!\n\nBekräfta att du läser post till den här adressen, inom en timme:\n{link}\n\nDärefter loggar du in med den. Har du inte bytt adress kan du bortse från brevet.\n",
                "Hello {name},\n\nConfirm that you read mail to this address, within an hour:\n{link}\n\nAfter that you sign in with it. If you have not changed your address, ignore this letter.\n"
            ),
        ),
        Purpose::EmailChanged => (
            say!("Din adress i Samsyn är ändrad", "Your address in Samsyn has been changed"),
            say!(
                "Hej {name}!\n\nDin adress i Samsyn är ändrad, och den här adressen används inte längre för att logga in. Var det inte du, hör genast av dig till den som driver tjänsten.\n",
                "Hello {name},\n\nYour address in Samsyn has been changed, and this one is no longer used for signing in. If it was not you, tell who runs the service at once.\n"
            ),
        ),
        Purpose::PasswordChanged => (
            say!("Ditt lösenord i Samsyn är ändrat", "Your password in Samsyn has been changed"),
            say!(
                "Hej {name}!\n\nDitt lösenord i Samsyn är ändrat, och andra inloggningar har avslutats. Var det inte du, begär genast ett nytt lösenord och hör av dig till den som driver tjänsten.\n",
                "Hello {name},\n\nYour password in Samsyn has been changed, and other sessions have ended. If it was not you, ask for a new password at once and tell who runs the service.\n"
            ),
        ),
    };
    in_language(language, &subject, &text)
}

fn in_language(language: MailLanguage, subject: &Text, text: &Text) -> (String, String) {
    let language = if language == MailLanguage::Sv { Language::Sv } else { Language::En };
    (subject.r#in(language).to_owned(), text.r#in(language).to_owned())
}
