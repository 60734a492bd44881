//! Writes a draft as the text of a manifest.

use super::Draft;
use crate::quote;

impl Draft {
    /// The text of the manifest, with comments about the source of each line. A user who is not known here may be known in an image:
    /// the line is a comment then.
    #[must_use]
    pub fn to_toml(&self, is_known: impl Fn(&str) -> bool) -> String {
        let mut text = String::from(
            "# What this project's service needs; `permwrap check` checks it. Check the lines marked \"guessed\".\n\n",
        );
        match self.users.first() {
            Some((user, from)) => {
                let (mark, remark) = match is_known(user) {
                    true => ("", ""),
                    false => ("# ", "; there is no such user here"),
                };
                text.push_str(&format!(
                    "{mark}user = {}            # {}{remark}\n",
                    quoted(user),
                    quote::line(from)
                ));
            }
            None => text
                .push_str("# user = \"appuser\"     # no file here says which user it runs as\n"),
        }
        for (user, from) in self.users.iter().skip(1) {
            let also = quote::line(&format!("{user} ({from})"));
            text.push_str(&format!("# also: {also}\n"));
        }
        let is_root = self
            .users
            .first()
            .is_some_and(|(user, _)| user == "root" || user == "0");
        text.push_str(&format!("not-root = {}\n", !is_root));
        if !self.ports.is_empty() {
            text.push_str(&line_of_ports(&self.ports));
        }
        for need in &self.needs {
            let guessed = if need.guessed { "guessed from " } else { "" };
            text.push_str(&format!(
                "\n# {guessed}{}\n[[path]]\npath = {}\n",
                quote::line(&need.from),
                quoted(&need.path)
            ));
            if !need.needs.is_empty() {
                text.push_str(&format!("needs = {}\n", list(need.needs)));
            }
            if need.closed {
                text.push_str("closed = true\n");
            }
        }
        if !self.insides.is_empty() || !self.ports_inside.is_empty() {
            text.push_str(INSIDE);
        }
        if !self.ports_inside.is_empty() {
            text.push_str(&format!("#\n# {}", line_of_ports(&self.ports_inside)));
        }
        for inside in &self.insides {
            text.push_str(&format!(
                "#\n# # {}\n# [[path]]\n# path = {}\n# needs = {}\n",
                quote::line(&inside.from),
                quoted(&inside.path),
                list(inside.needs)
            ));
        }
        text + EXAMPLES
    }
}

fn line_of_ports(ports: &[(u16, String)]) -> String {
    let from: Vec<String> = ports.iter().map(|(_, from)| quote::line(from)).collect();
    let ports: Vec<String> = ports.iter().map(|(port, _)| port.to_string()).collect();
    format!(
        "ports = [{}]            # guessed from {}\n",
        ports.join(", "),
        from.join("; ")
    )
}

/// The introduction to what is required inside a container.
const INSIDE: &str = "
# Inside the container, not judged here: uncomment these in the image's own permwrap.toml, and run `permwrap check` in it.
";

/// An example of each kind of requirement.
pub(super) const EXAMPLES: &str = "
# Everything that can be required (see permwrap check --help-format); what is above [[path]] goes at the top of the file:
# groups = [\"video\"]             # it is in these groups
# ports = [80, \"127.0.0.1:443\"]  # it may listen there
# programs = [\"ffmpeg\"]          # it may run these
# sockets = [\"/run/db.sock\"]     # it may connect to these
# devices = [\"/dev/video0\"]      # it may read and write these
#
# [[path]]
# path = \"data/\"                 # relative to this file; a slash at the end: a directory
# needs = [\"read\", \"write\"]     # operations of `permwrap why`
#
# [[path]]
# path = \"secret.key\"
# needs = [\"read\"]
# closed = true                   # nobody else may read it
# mode = [\"400\", \"600\"]         # one of these modes
# as = \"worker\"                  # for another user than the service's
";

/// A list of words in TOML syntax.
fn list(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    format!("[{}]", words.join(", "))
}

/// A string in TOML syntax.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
