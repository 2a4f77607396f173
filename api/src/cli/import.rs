//! Imports a file at the console, with the same code as the API.

use std::{
    fs::File,
    io::{ErrorKind, IsTerminal, Write},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use sea_orm::ActiveEnum;

use super::Outcome;
use crate::{
    app::App,
    config::Config,
    exchange::{
        columns::COLUMNS,
        imports::{
            console::{self, Report, Request},
            headings::warnings,
        },
    },
    intake::{
        columns::{self, Shape, Words},
        formats::Format,
        types::{ImportStatus, Job, LeftOutReason},
    },
    kernel::{
        clock::Clock,
        id::Ids,
        language::{Language, Text},
        say,
    },
    registry::actors::ActorKind,
};

#[derive(Args)]
pub(super) struct ImportCommand {
    /// The file. Its extension says whether it is CSV, XLSX, JSON or NDJSON.
    file: PathBuf,
    /// The source of the file, by its id, or by the name of one of the installation's own sources, which is created if it does
    /// not exist. The default is a source named after the file; a file that was exported from here has none.
    #[arg(long, value_name = "NAME_OR_ID")]
    source: Option<String>,
    /// The kind of actor in rows that do not give it, such as association or förening.
    #[arg(long)]
    kind: Option<String>,
    /// The meaning of an unknown heading, as heading and member with a colon between, such as "Org no:organisationNumber". Can be
    /// given several times.
    #[arg(long = "column", value_name = "HEADING:MEMBER")]
    columns: Vec<String>,
    /// The file has everything that the source has: mark records that are missing in it as absent.
    #[arg(long)]
    full: bool,
    /// Check and count only, and store nothing.
    #[arg(long)]
    dry_run: bool,
    /// The language of the output. The default is the language of LANG.
    #[arg(long)]
    language: Option<Spoken>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Spoken {
    Sv,
    En,
}

pub(super) async fn run(command: ImportCommand, config: Config) -> Outcome {
    let language = language(&command);
    let say = |text: Text| text.r#in(language).to_owned();
    let name = command.file.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let format = Format::of_file_name(&name).ok_or_else(|| {
        say(say!(
            "{name}: filen ska sluta på .csv, .xlsx, .json eller .ndjson",
            "{name}: the file must end in .csv, .xlsx, .json or .ndjson"
        ))
    })?;
    let kind = command.kind.as_deref().map(|written| parse_kind(written).ok_or_else(|| say(unknown_kind(written)))).transpose()?;
    let file = open_file(&command.file).map_err(|error| say(unreadable(&command.file, &error)))?;
    let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem).to_owned();
    let ImportCommand { source, columns, full, dry_run, .. } = command;
    let request = Request { format, source, file: stem, kind, columns, full, dry_run };
    let app = App::build(config, Clock::System, Ids::Random).await?;
    let mut bar = ProgressBar::new(language);
    let report = Box::pin(console::run(&request, file, app.imports(), app.access(), app.db(), |job| bar.show(job))).await;
    bar.clear();
    app.db().close().await;
    let report = report.map_err(|problem| {
        let mut lines = vec![say(problem.detail.clone().unwrap_or_else(|| problem.kind.title()))];
        lines.extend(problem.faults.iter().map(|fault| fault.detail.r#in(language).to_owned()));
        lines.join("\n  ")
    })?;
    print_report(&report, language);
    let job = &report.job;
    match job.status {
        ImportStatus::Completed if job.refused == 0 => Ok(()),
        ImportStatus::Completed => {
            let refused = job.refused;
            Err(say(say!("{refused} rader kunde inte läsas in", "{refused} rows could not be imported")).into())
        }
        _ => {
            let reason = job.reason_sv.clone().zip(job.reason_en.clone()).map(|(sv, en)| Text { sv, en });
            Err(say(reason.unwrap_or_else(|| say!("Inläsningen stoppades.", "The import was stopped."))).into())
        }
    }
}

/// Opens a file for reading. Opening a folder succeeds too, so that is checked.
fn open_file(path: &Path) -> std::io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() { Err(ErrorKind::IsADirectory.into()) } else { Ok(file) }
}

/// The kind of actor that a word means, as in the column `kind`.
fn parse_kind(written: &str) -> Option<ActorKind> {
    let code = columns::code(kinds(), written)?;
    ActorKind::try_from_value(&code.to_owned()).ok()
}

fn kinds() -> Words {
    match COLUMNS.find_by_member("kind").map(|column| column.shape) {
        Some(Shape::Word(words)) => words,
        _ => &[],
    }
}

fn unknown_kind(written: &str) -> Text {
    let swedish = kinds().iter().filter_map(|(_, also)| also.first()).copied().collect::<Vec<_>>().join(", ");
    let codes = kinds().iter().map(|(code, _)| *code).collect::<Vec<_>>().join(", ");
    say!(
        "--kind: {written} är inget slags aktör. Skriv något av: {swedish}.",
        "--kind: {written} is no kind of actor. Write one of: {codes}."
    )
}

/// The message about a file that cannot be read.
fn unreadable(file: &Path, error: &std::io::Error) -> Text {
    let file = file.display();
    match error.kind() {
        ErrorKind::NotFound => say!("Filen {file} finns inte.", "There is no file {file}."),
        ErrorKind::PermissionDenied => say!("Filen {file} får inte läsas.", "The file {file} may not be read."),
        ErrorKind::IsADirectory => say!("{file} är en mapp och ingen fil.", "{file} is a folder and no file."),
        _ => say!("Filen {file} går inte att läsa.", "The file {file} cannot be read."),
    }
}

/// The language that the command asks for, or that of the console.
fn language(command: &ImportCommand) -> Language {
    match command.language {
        Some(Spoken::Sv) => Language::Sv,
        Some(Spoken::En) => Language::En,
        None => {
            #[expect(clippy::disallowed_methods, reason = "the language of a console is no setting of the service")]
            let spoken =
                ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
            if spoken.is_some_and(|spoken| spoken.starts_with("sv")) { Language::Sv } else { Language::En }
        }
    }
}

fn print_report(report: &Report, language: Language) {
    let Report { job, problems, source, new_source } = report;
    let columns = job.columns.0.iter().map(|column| format!("{} → {}", column.heading, column.member)).collect::<Vec<_>>().join(", ");
    let left_out = job.left_out.0.iter().map(|left| {
        let heading = &left.heading;
        let repeated = say!("{heading} (står två gånger)", "{heading} (stands twice)");
        if left.reason == LeftOutReason::Repeated { repeated.r#in(language).to_owned() } else { heading.clone() }
    });
    let left_out = left_out.collect::<Vec<_>>().join(", ");
    let (total, created, updated, unchanged) = (job.total, job.created, job.updated, job.unchanged);
    let (held, refused, absent) = (job.held, job.refused, job.absent);
    let mut lines = vec![say!("Kolumner: {columns}", "Columns: {columns}")];
    if !left_out.is_empty() {
        lines.push(say!("Utelämnade kolumner: {left_out}", "Columns left out: {left_out}"));
    }
    lines.extend(warnings(job).into_iter().map(|(_, detail)| detail));
    if let Some(source) = source {
        let (name, id) = (&source.fields.name, source.id);
        lines.push(say!("Källa: {name} ({id})", "Source: {name} ({id})"));
    }
    if let Some(name) = new_source {
        lines.push(say!("Källa: {name} (ny; den skulle läggas upp)", "Source: {name} (new; it would be made)"));
    }
    if job.dry_run {
        lines.push(say!("Ingenting har ändrats; så här skulle det bli:", "Nothing has been changed; this is what would happen:"));
    }
    lines.push(say!(
        "{total} rader: {created} nya, {updated} ändrade, {unchanged} oförändrade, {held} väntar på beslut, {refused} inte inlästa, {absent} saknas nu",
        "{total} rows: {created} created, {updated} updated, {unchanged} unchanged, {held} held, {refused} refused, {absent} now absent"
    ));
    for line in lines {
        println!("{}", line.r#in(language));
    }
    for row in problems {
        for fault in &row.errors.0 {
            let detail = if language == Language::Sv { &fault.sv } else { &fault.en };
            let column = fault.column.as_deref().unwrap_or(fault.pointer.as_str());
            let (number, column) = (row.number, if column.is_empty() { String::new() } else { format!(" {column}") });
            println!("{}", say!("  rad {number}{column}: {detail}", "  row {number}{column}: {detail}").r#in(language));
        }
    }
    let listed = i64::try_from(problems.len()).unwrap_or(i64::MAX);
    if refused > listed {
        let more = refused - listed;
        println!("{}", say!("  … och {more} till", "  … and {more} more").r#in(language));
    }
}

/// A line that shows the progress, if standard error is a terminal.
struct ProgressBar {
    language: Language,
    watched: bool,
}

impl ProgressBar {
    fn new(language: Language) -> Self {
        Self { language, watched: std::io::stderr().is_terminal() }
    }

    fn show(&mut self, job: &Job) {
        if !self.watched {
            return;
        }
        let (done, total) = (job.processed, job.total.max(1));
        let filled = usize::try_from(done * 30 / total).unwrap_or(30).min(30);
        let bar = format!("{}{}", "█".repeat(filled), "░".repeat(30 - filled));
        let text = say!("{bar} {done} av {total} rader", "{bar} {done} of {total} rows");
        eprint!("\r{}", text.r#in(self.language));
        let _ = std::io::stderr().flush();
    }

    fn clear(&self) {
        if self.watched {
            eprint!("\r{}\r", " ".repeat(79));
        }
    }
}
