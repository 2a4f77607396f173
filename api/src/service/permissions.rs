//! The page of permissions for people, made from the one table of permissions.

use std::fmt::Write;

use actix_web::{HttpResponse, get};

use super::pages::{escape, page};
use crate::{
    access::policy::{Permission, holds, standings},
    kernel::language::Text,
};

/// A text in Swedish, followed by English.
fn both(text: &Text) -> String {
    format!("{}<br><span lang=\"en\">{}</span>", escape(&text.sv), escape(&text.en))
}

/// The page with the permissions of each role and function.
#[get("/docs/permissions")]
pub async fn permissions() -> HttpResponse {
    let standings = standings();
    let mut table = String::from("<tr><th scope=\"col\">Du kan …<br><span lang=\"en\">You may …</span></th>");
    for (_, standing) in &standings {
        let _ = write!(table, "<th scope=\"col\">{}</th>", both(&standing.words()));
    }
    table.push_str("</tr></thead>\n<tbody>\n");
    for permission in Permission::ALL {
        let _ = write!(table, "<tr><th scope=\"row\">{}<br><code>{}</code></th>", both(&permission.words()), permission.key());
        for (_, standing) in &standings {
            table.push_str(if holds(*standing, *permission) {
                "<td>Ja <span lang=\"en\">Yes</span></td>"
            } else {
                "<td>Nej <span lang=\"en\">No</span></td>"
            });
        }
        table.push_str("</tr>\n");
    }
    let main = format!(
        "<h1>Vem får göra vad?</h1>\n\
         <p>Vad du får göra beror på vilken roll du har och var den gäller: överallt, i ett område med allt som ligger i det, för en aktör eller i ett forum. \
         Den som arbetar för en aktör får dessutom i ett forum göra det som aktörens funktion där ger rätt till. Ingen kan ge någon annan mer än den själv har.</p>\n\
         <p>Saknar du något? Be den som samordnar arbetet om en roll som har det. I felmeddelandet står vilken behörighet som saknas, med koden i tabellen.</p>\n\
         <p>Vad du får se beror också på hur synlig varje uppgift är. Det du inte får se finns inte i listor eller sökningar.</p>\n\
         <section lang=\"en\"><h2>In English</h2>\n<p>What you may do depends on your role and where it holds: everywhere, in an area and all below it, for an actor or in a forum. \
         Who works for an actor may also do in a forum what the actor's function there allows. Nobody can give another more than they hold. \
         If something is missing, ask who coordinates the work for a role that has it. What you may see depends on the visibility of each record as well.</p></section>\n\
         <section><h2 id=\"tabell\">Behörigheter efter roll och funktion</h2>\n\
         <div class=\"wide\" role=\"region\" aria-labelledby=\"tabell\" tabindex=\"0\"><table>\n\
         <caption>Vad varje roll och varje funktion i ett forum får göra, där den gäller. <span lang=\"en\">What each role and each function in a forum may do, where it holds.</span></caption>\n\
         <thead>{table}</tbody></table></div></section>\n<p><a href=\"/\">Till startsidan</a></p>"
    );
    page("sv", "Vem får göra vad?", &main)
}
