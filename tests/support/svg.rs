//! Renders colored terminal text as a picture.

/// An SVG of the text as on a dark terminal. Of all escape sequences, only those for colors (SGR) are supported.
pub fn terminal(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let columns = lines
        .iter()
        .map(|line| visible(line).chars().count())
        .max()
        .unwrap_or(0);
    let (width, height) = (columns * 17 / 2 + 40, lines.len() * 20 + 36);
    let mut rows = String::new();
    let mut look = Look::default();
    for (at, line) in lines.iter().enumerate() {
        let spans = spans(line, &mut look);
        rows.push_str(&format!(
            "<text xml:space=\"preserve\" x=\"20\" y=\"{}\">{spans}</text>\n",
            at * 20 + 33
        ));
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"14\">\n\
         <style>text {{ white-space: pre; fill: #d8dee9 }}</style>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#1d2129\"/>\n{rows}</svg>\n"
    )
}

/// The attributes of the following characters.
#[derive(Default, Clone, Copy, PartialEq)]
struct Look {
    color: Option<&'static str>,
    bold: bool,
    dim: bool,
}

fn spans(line: &str, look: &mut Look) -> String {
    let mut spans = String::new();
    for (at, part) in line.split("\u{1b}[").enumerate() {
        let text = match part.split_once('m') {
            Some((codes, rest)) if at > 0 => {
                codes.split(';').for_each(|code| look.apply(code));
                rest
            }
            _ => part,
        };
        if !text.is_empty() {
            spans.push_str(&look.span(text));
        }
    }
    spans
}

impl Look {
    fn apply(&mut self, code: &str) {
        match code {
            "" | "0" => *self = Look::default(),
            "1" => self.bold = true,
            "2" => self.dim = true,
            "22" => (self.bold, self.dim) = (false, false),
            "31" => self.color = Some("#ff7b72"),
            "32" => self.color = Some("#7ee787"),
            "33" => self.color = Some("#e3b341"),
            "34" => self.color = Some("#79c0ff"),
            "35" => self.color = Some("#d2a8ff"),
            "36" => self.color = Some("#76e3ea"),
            "39" => self.color = None,
            other => panic!("the picture does not know the code {other:?}"),
        }
    }

    fn span(self, text: &str) -> String {
        let text = text
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        let mut style = String::new();
        if let Some(color) = self.color {
            style.push_str(&format!(" fill=\"{color}\""));
        }
        if self.bold {
            style.push_str(" font-weight=\"bold\"");
        }
        if self.dim {
            style.push_str(" opacity=\"0.65\"");
        }
        if style.is_empty() {
            text
        } else {
            format!("<tspan{style}>{text}</tspan>")
        }
    }
}

/// The text without escape sequences for colors.
pub fn visible(line: &str) -> String {
    let mut text = String::new();
    for (at, part) in line.split("\u{1b}[").enumerate() {
        text.push_str(if at == 0 {
            part
        } else {
            part.split_once('m').map_or("", |(_, rest)| rest)
        });
    }
    text
}
