//! The page of a report.

use std::fmt::{self, Display, Formatter, Write};

use super::{
    chart::{Chart, ChartError},
    charts::{bands, charts},
};
use crate::{
    run::Run,
    tables::{PHASE_COLUMNS, phase_rows, totals},
};

const STYLE: &str = include_str!("page.css");

/// The whole page; it refers to nothing outside.
pub(super) fn html(run: &Run) -> Result<String, ChartError> {
    let until = run.total().to.as_secs_f64();
    let bands = bands(run);
    let mut plots = String::new();
    for chart in charts(run) {
        plots += &figure(&chart, &chart.svg(&bands, until)?);
    }
    let name = Escaped(run.name);
    let seed = run.setting.iter().find(|(name, _)| *name == "seed");
    let title = match seed {
        Some((_, seed)) => format!("{name}, seed {}", Escaped(seed)),
        None => name.to_string(),
    };
    let (mark, verdict) = (
        if run.passed() { "passed" } else { "failed" },
        run.verdict(),
    );
    Ok(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<h1>{name}</h1>\n<p class=\"verdict {mark}\">{}</p>\n{}</header>\n\
         {}{}{}\
         <section>\n<h2>Totals</h2>\n{}{}</section>\n\
         <section>\n<h2>Over time</h2>\n{plots}</section>\n</body>\n</html>\n",
        Escaped(&verdict),
        pairs(&run.setting),
        list("Doubts", "doubts", run.doubts()),
        list("Violations", "violations", run.violations.told()),
        phases(&phase_rows(run)),
        pairs(&totals(run)),
        lines(&run.findings.summary),
    ))
}

fn figure(chart: &Chart, svg: &str) -> String {
    let title = Escaped(chart.title);
    let mut legend = String::new();
    // The lines are drawn from the back to the front; people read from the top.
    for line in chart.lines.iter().rev().filter(|_| chart.lines.len() > 1) {
        let (r, g, b) = (line.color.0, line.color.1, line.color.2);
        write_to(
            &mut legend,
            format_args!(
                "<span><i style=\"background:rgb({r},{g},{b})\"></i>{}</span>",
                Escaped(line.name)
            ),
        );
    }
    let svg = svg.replacen(
        "<svg ",
        &format!("<svg role=\"img\" aria-label=\"{title}\" "),
        1,
    );
    format!("<figure>\n<figcaption><b>{title}</b>{legend}</figcaption>\n{svg}\n</figure>\n")
}

/// The table of phases; nothing if there are none.
fn phases(rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut html =
        String::from("<section>\n<h2>Phases</h2>\n<div class=\"wide\"><table>\n<thead><tr>");
    for column in PHASE_COLUMNS {
        write_to(&mut html, format_args!("<th>{}</th>", Escaped(column)));
    }
    html += "</tr></thead>\n<tbody>\n";
    for row in rows {
        html += "<tr>";
        for cell in row {
            write_to(&mut html, format_args!("<td>{}</td>", Escaped(cell)));
        }
        html += "</tr>\n";
    }
    html + "</tbody>\n</table></div>\n</section>\n"
}

fn pairs<Name: AsRef<str>>(pairs: &[(Name, String)]) -> String {
    let mut html = String::from("<dl>\n");
    for (name, value) in pairs {
        let (name, value) = (Escaped(name.as_ref()), Escaped(value));
        write_to(
            &mut html,
            format_args!("<div><dt>{name}</dt><dd>{value}</dd></div>\n"),
        );
    }
    html + "</dl>\n"
}

/// A section with these lines; nothing if there are none.
fn list(title: &str, class: &str, items: Vec<String>) -> String {
    if items.is_empty() {
        return String::new();
    }
    let mut html = format!("<section class=\"{class}\">\n<h2>{title}</h2>\n<ul>\n");
    for item in &items {
        write_to(&mut html, format_args!("<li>{}</li>\n", Escaped(item)));
    }
    html + "</ul>\n</section>\n"
}

fn lines(lines: &[String]) -> String {
    let mut html = String::new();
    for line in lines {
        write_to(&mut html, format_args!("<p>{}</p>\n", Escaped(line)));
    }
    html
}

fn write_to(html: &mut String, text: fmt::Arguments<'_>) {
    // Into a string it cannot fail.
    let _ = html.write_fmt(text);
}

/// Text in which nothing is markup.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::made_up;

    #[test]
    fn a_page_holds_all_and_refers_to_nothing_outside() {
        let html = html(&made_up()).unwrap();
        for part in [
            "<title>tournament, seed 42</title>",
            "class=\"verdict passed\"",
            "<th>delivery p50</th>",
            "<td>lobby &lt;all&gt;</td>",
            "<dt>server CPU per delivery, all other work included</dt><dd>49.5 ms</dd>",
            "1 × busy &amp; late",
            "aria-label=\"CPU\"",
            "played &amp; checked",
        ] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
        assert_eq!(html.matches("<svg ").count(), 8);
        for outside in ["<script", "<link", "src=", "url(", "@import", "href="] {
            assert!(!html.contains(outside), "{outside}");
        }
    }

    #[test]
    fn violations_are_told_and_bounded() {
        let run = made_up();
        for number in 0..30 {
            run.violations.add(format!("lost: <{number}>"));
        }
        let html = html(&run).unwrap();
        assert!(html.contains("verdict failed") && html.contains("<li>lost: &lt;19&gt;</li>"));
        assert!(!html.contains("&lt;20&gt;") && html.contains("and 10 more"));
    }

    #[test]
    fn nothing_in_a_text_is_markup() {
        let escaped = Escaped(r#"<a b="c">'&"#).to_string();
        assert_eq!(escaped, "&lt;a b=&quot;c&quot;&gt;&#39;&amp;");
    }
}
