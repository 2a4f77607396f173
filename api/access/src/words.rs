//! The policy in plain words: what each permission allows, and the names of roles and functions. A permission without
//! these texts does not compile.

use super::policy::{ForumFunction, Permission, Role, Standing};
use crate::kernel::{language::Text, say};

impl Permission {
    /// Returns what the permission allows, as the end of a sentence that begins with "you may" ("du kan").
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "a sentence for each permission")]
    pub fn words(self) -> Text {
        match self {
            Self::ReadService => say!("se vad tjänsten är och vilka gränser den har", "see what the service is and which limits it has"),
            Self::ReadReference => say!("läsa kodlistor", "read codelists"),
            Self::ReadAreas => say!("läsa om områden, till exempel kommuner och stadsdelar", "read about areas, such as municipalities"),
            Self::ReadRegistry => say!("läsa om de aktörer och mandat som du får se", "read the actors and mandates that you may see"),
            Self::ReadForums => {
                say!("läsa om de forum som du får se och deras medlemmar", "read the forums that you may see, and their members")
            }
            Self::ReadStatistics => say!("läsa indikatorer och värden", "read indicators and values"),
            Self::ReadAssessments => say!("läsa de lägesbilder som du får se", "read the assessments that you may see"),
            Self::ReadInterventions => say!("läsa om de insatser som du får se", "read the interventions that you may see"),
            Self::ReadPriorities => {
                say!("läsa de prioriteringar och beslut som du får se", "read the rounds and decisions that you may see")
            }
            Self::ReadTrace => say!("följa spåret mellan siffror och beslut", "follow the thread between numbers and decisions"),
            Self::ReadChanges => say!("hämta det som har ändrats och som du får se", "fetch what has changed and that you may see"),
            Self::StartSession => say!("logga in", "sign in"),
            Self::EndSession => say!("logga ut", "sign out"),
            Self::ReadAccount => say!("se ditt eget konto och vad du får göra", "see your own account and what you may do"),
            Self::WriteAccount => {
                say!("ändra ditt eget konto, lösenord och dina åtkomstbiljetter", "change your own account, password and tokens")
            }
            Self::ReadUsers => say!("se de användare som du ansvarar för", "see the users that you look after"),
            Self::WriteUsers => say!(
                "bjuda in, ändra och stänga av de användare som du ansvarar för",
                "invite, change and shut out the users that you look after"
            ),
            Self::ReadServiceAccounts => say!("se de tjänstekonton som du ansvarar för", "see the service accounts that you look after"),
            Self::WriteServiceAccounts => {
                say!("lägga upp och ändra tjänstekonton för partnersystem", "register and change service accounts of partner systems")
            }
            Self::ReadAudit => say!("läsa behandlingsloggen för det du ansvarar för", "read the audit log of what you look after"),
            Self::ReadSources => say!("se vilka partnersystem som lämnar uppgifter", "see which partner systems send records"),
            Self::WriteSources => say!("lägga upp och ändra källor", "register and change sources"),
            Self::SyncSources => say!(
                "lämna och läsa poster i de källor som du ansvarar för eller har fått",
                "send and read records of the sources that you look after or were granted"
            ),
            Self::ReadMatches => say!("läsa vilka inkomna poster som väntar på beslut", "read which incoming records wait for a decision"),
            Self::DecideMatches => say!(
                "avgöra om en inkommen post är en aktör som redan finns",
                "decide whether an incoming record is an actor that is there already"
            ),
            Self::ReadWebhooks => say!("läsa dina webhookar och vad de har levererat", "read your webhooks and what they have delivered"),
            Self::WriteWebhooks => {
                say!("lägga upp, ändra och ta bort dina webhookar", "register, change and remove your webhooks")
            }
            Self::ReadImports => say!("följa de inläsningar som du har startat", "follow the imports that you have started"),
            Self::WriteImports => say!(
                "läsa in filer med aktörer för det och de källor som du ansvarar för",
                "import files with actors for what and for the sources that you look after"
            ),
            Self::SeeSecrecy => say!("se det som är sekretessmarkerat", "see what is under secrecy"),
            Self::ReadSecrecy => say!("läsa vilka sekretessmarkeringar som finns", "read which secrecy marks there are"),
            Self::WriteSecrecy => say!("sätta och häva sekretessmarkeringar", "set and lift secrecy marks"),
            Self::ReadDisclosures => say!("läsa vad som har lämnats ut", "read what has been disclosed"),
            Self::WriteDisclosures => say!("lämna ut handlingar", "disclose records"),
            Self::ReadJournal => say!("läsa diariet", "read the journal"),
            Self::WriteJournal => say!("föra in i diariet", "enter into the journal"),
            Self::ReadPersonalData => say!("ta ut allt som är lagrat om en person", "take out all that is stored about a person"),
            Self::ErasePersons => say!("radera personer", "erase persons"),
            Self::HoldRecords => say!("undanta från gallring", "hold records from disposal"),
            Self::RetainRecords => say!("gallra enligt reglerna", "dispose by the rules"),
            Self::ReadGrants => say!(
                "se de behörigheter som du själv hade kunnat ge, men inga andra",
                "see the grants that you could have given yourself, and no others"
            ),
            Self::WriteGrants => say!(
                "ge och ta tillbaka behörigheter, men aldrig mer än du själv har",
                "give grants and take them back, but never more than you hold"
            ),
            Self::WriteActors => say!("lägga upp, ändra och ta bort aktörer", "register, change and remove actors"),
            Self::MergeActors => {
                say!("slå ihop två aktörer som är samma, och ångra det", "merge two actors that are one, and undo it")
            }
            Self::WriteMandates => say!("lägga upp, ändra och ta bort mandat", "register, change and remove mandates"),
            Self::ConfirmMandates => {
                say!("bekräfta mandat där du samordnar", "confirm mandates where you coordinate")
            }
            Self::WriteStatements => {
                say!("skriva in vad aktörer behöver, kan och har", "enter what actors need, find difficult, can and have")
            }
            Self::WriteForums => say!("öppna och ändra forum och bjuda in medlemmar", "open and change forums, and invite members"),
            Self::LeadForums => say!("låta fler se ett forum, och ta bort det", "let more people see a forum, and remove it"),
            Self::AnswerInvitation => {
                say!(
                    "tacka ja eller nej till en inbjudan till ett forum, eller lämna det",
                    "accept or decline an invitation to a forum, or leave it"
                )
            }
            Self::WriteStatistics => say!("lägga till indikatorer och importera värden", "add indicators and import values"),
            Self::WriteAssessments => {
                say!("skriva lägesbilder med iakttagelser, underlag och orsaker", "write assessments with findings, evidence and causes")
            }
            Self::Endorse => say!("ta ställning till en lägesbild för din aktör", "say your actor's word on an assessment"),
            Self::PublishAssessments => {
                say!("fastställa, publicera och öppna lägesbilder på nytt", "settle, publish and reopen assessments")
            }
            Self::WriteInterventions => say!("lägga upp, ändra och ta bort insatser", "register, change and remove interventions"),
            Self::WriteRounds => {
                say!("förbereda, öppna och stänga prioriteringar", "prepare, open and close rounds")
            }
            Self::Vote => say!("rösta för din aktör i en prioritering", "cast your actor's ballot in a round"),
            Self::Decide => say!("skriva in vad forumet har beslutat", "record what the forum has decided"),
        }
    }
}

impl Standing {
    /// Returns the name that people use for it.
    #[must_use]
    pub fn words(self) -> Text {
        match self {
            Self::Everyone => say!("Alla", "Everyone"),
            Self::SignedIn => say!("Inloggad", "Signed in"),
            Self::Role(Role::Admin) => say!("Administratör", "Administrator"),
            Self::Role(Role::Coordinator) => say!("Samordnare", "Coordinator"),
            Self::Role(Role::ActorAdmin) => say!("Aktörens administratör", "Actor's administrator"),
            Self::Role(Role::Contributor) => say!("Medarbetare", "Contributor"),
            Self::Role(Role::Reader) => say!("Läsare", "Reader"),
            Self::Role(Role::Analyst) => say!("Analytiker", "Analyst"),
            Self::Role(Role::Evaluator) => say!("Utvärderare", "Evaluator"),
            Self::Role(Role::Service) => say!("Anslutet system", "Partner system"),
            Self::Forum(ForumFunction::Chair) => say!("Ordförande i forumet", "Chair of the forum"),
            Self::Forum(ForumFunction::ProcessLeader) => say!("Processledare i forumet", "Process leader of the forum"),
            Self::Forum(ForumFunction::Coordinator) => say!("Samordnare i forumet", "Coordinator of the forum"),
            Self::Forum(ForumFunction::Member) => say!("Medlem i forumet", "Member of the forum"),
            Self::Forum(ForumFunction::Observer) => say!("Observatör i forumet", "Observer in the forum"),
        }
    }
}
