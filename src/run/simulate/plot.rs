//! The comparison of policies as an SVG drawing: a panel per group of workflows and capacity, a bar per policy.

use std::fmt::Write;

use super::Share;

/// Width of the drawing, in units that a phone shows as about one pixel.
const WIDTH: f64 = 380.0;
/// Room for the names of policies, and for figures behind the bars.
const NAMES: f64 = 92.0;
const VALUES: f64 = 44.0;
/// Height of a bar with its gap, of a panel's title, and of its axis.
const ROW: f64 = 20.0;
const HEAD: f64 = 40.0;
const FOOT: f64 = 34.0;
/// Policies that are no choice: the bounds of the scale.
const BOUNDS: [&str; 2] = ["all", "none"];

const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#222}.title{font-weight:600}.small{font-size:10px;fill:#666}\
.bar{fill:#9db4c8}.own{fill:#1f6f8b}.grid{stroke:#ddd}.least{stroke:#222;stroke-width:2}\
@media(prefers-color-scheme:dark){text{fill:#eee}.small{fill:#aaa}.grid{stroke:#444}.bar{fill:#5b7285}.own{fill:#4fb3d1}.least{stroke:#eee}}";

/// Draws the shares of several groups, each with its name. The longest bar is what an unlimited cache saves.
pub fn plot(groups: &[(&str, Vec<Share>)]) -> String {
    let mut body = String::new();
    let mut y = 0.0;
    for (name, shares) in groups {
        for capacity in capacities(shares) {
            let rows: Vec<&Share> = shares
                .iter()
                .filter(|share| {
                    share.capacity.total_cmp(&capacity).is_eq() && !BOUNDS.contains(&share.policy)
                })
                .collect();
            y = panel(&mut body, name, capacity, &rows, y);
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y}\" role=\"img\" aria-labelledby=\"t d\">\
         <title id=\"t\">Cache policies compared</title><desc id=\"d\">{}</desc><style>{STYLE}</style>{body}</svg>\n",
        described(groups)
    )
}

fn capacities(shares: &[Share]) -> Vec<f64> {
    let mut found: Vec<f64> = shares.iter().map(|share| share.capacity).collect();
    found.sort_by(f64::total_cmp);
    found.dedup();
    found
}

/// The figures in words, for those who cannot see the bars.
fn described(groups: &[(&str, Vec<Share>)]) -> String {
    let shares = groups.iter().flat_map(|(name, shares)| shares.iter().map(move |share| (name, share)));
    let words = shares.filter(|(_, share)| !BOUNDS.contains(&share.policy)).map(|(name, share)| {
        format!("{name}, room for {:.0} %: {} {:.3}", share.capacity * 100.0, share.policy, share.share)
    });
    words.collect::<Vec<_>>().join("; ")
}

/// Draws one panel from `top` on and returns where it ends.
fn panel(body: &mut String, name: &str, capacity: f64, rows: &[&Share], top: f64) -> f64 {
    let scale = WIDTH - NAMES - VALUES;
    let traces = rows.first().map_or(0, |share| share.traces);
    let bottom = top + HEAD + ROW * f64::from(u32::try_from(rows.len()).unwrap_or(u32::MAX));
    let mut add = |text: std::fmt::Arguments<'_>| {
        body.write_fmt(text).expect("memory can be written to");
    };
    add(format_args!(
        "<text class=\"title\" x=\"0\" y=\"{:.1}\">{name}: room for {:.0} % of all artifacts</text>",
        top + 16.0,
        capacity * 100.0
    ));
    add(format_args!(
        "<text class=\"small\" x=\"0\" y=\"{:.1}\">{traces} traces; the mark is the worst of them</text>",
        top + 31.0
    ));
    for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let x = NAMES + tick * scale;
        add(format_args!(
            "<line class=\"grid\" x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\"/>",
            top + HEAD
        ));
        add(format_args!(
            "<text class=\"small\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{:.0} %</text>",
            bottom + 12.0,
            tick * 100.0
        ));
    }
    let mut y = top + HEAD;
    for share in rows {
        let (width, least) =
            (share.share.clamp(0.0, 1.0) * scale, NAMES + share.least.clamp(0.0, 1.0) * scale);
        let kind = if share.policy == "couler" { "own" } else { "bar" };
        add(format_args!("<text x=\"0\" y=\"{:.1}\">{}</text>", y + 14.0, share.policy));
        add(format_args!(
            "<rect class=\"{kind}\" x=\"{NAMES}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\"/>",
            y + 2.0,
            ROW - 4.0
        ));
        add(format_args!(
            "<line class=\"least\" x1=\"{least:.1}\" y1=\"{:.1}\" x2=\"{least:.1}\" y2=\"{:.1}\"/>",
            y + 4.0,
            y + ROW - 4.0
        ));
        add(format_args!(
            "<text x=\"{WIDTH}\" y=\"{:.1}\" text-anchor=\"end\">{:.3}</text>",
            y + 14.0,
            share.share
        ));
        y += ROW;
    }
    bottom + FOOT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_that_is_a_choice_has_a_bar_as_long_as_its_share() {
        let share = |policy, capacity, share| Share {
            policy,
            capacity,
            share,
            least: share / 2.0,
            hits: 0.5,
            traces: 3,
        };
        let shares = vec![
            share("couler", 0.1, 1.0),
            share("lru", 0.1, 0.5),
            share("all", 0.1, 1.0),
            share("couler", 0.25, 0.25),
        ];
        let svg = plot(&[("pipelines", shares)]);
        let scale = WIDTH - NAMES - VALUES;
        for width in [scale, scale / 2.0, scale / 4.0] {
            assert_eq!(svg.matches(&format!("width=\"{width:.1}\"")).count(), 1, "{svg}");
        }
        assert_eq!((svg.matches("<rect").count(), svg.matches("class=\"title\"").count()), (3, 2));
        assert!(svg.contains("pipelines, room for 10 %: lru 0.500") && svg.ends_with("</svg>\n"));
        assert_eq!(svg.matches('<').count(), svg.matches('>').count());
    }
}
