//! Line charts as SVG. Colours come from the page's style, so that they follow its theme.

use std::fmt::Write;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 280.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = 32.0;

pub struct Series {
    pub name: String,
    /// A colour's name in the page's style.
    pub colour: &'static str,
    pub points: Vec<(f64, f64)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    FromZero,
    /// Each line of the grid is ten times the one below.
    Logarithmic,
}

pub struct Chart<'a> {
    pub title: &'a str,
    pub unit: &'a str,
    pub scale: Scale,
    /// Where labels stand below, and what they say.
    pub ticks: Vec<(f64, String)>,
    pub series: Vec<Series>,
    /// Moments, and what happened.
    pub marks: Vec<(f64, String)>,
}

impl Chart<'_> {
    pub fn svg(&self) -> String {
        let values = self.series.iter().flat_map(|series| series.points.iter().map(|point| point.1)).filter(|value| *value > 0.0);
        let (least, most) = values.fold((f64::INFINITY, 0.0_f64), |(least, most), value| (least.min(value), most.max(value)));
        let vertical = Vertical::over(self.scale, least.min(most), most.max(1e-9));
        let end = self.ticks.last().map_or(1.0, |tick| tick.0).max(1e-9);
        let x = |at: f64| LEFT + at / end * (WIDTH - LEFT - RIGHT);
        let mut svg = format!(
            "<figure><figcaption>{} <small>{}</small></figcaption><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
            escaped(self.title),
            escaped(self.unit),
            escaped(self.title)
        );
        for value in &vertical.grid {
            let y = vertical.y(*value);
            // Writing to a text cannot fail.
            let _ = write!(svg, "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>", WIDTH - RIGHT);
            let _ = write!(svg, "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>", LEFT - 8.0, y + 4.0, number(*value));
        }
        for (at, label) in &self.ticks {
            let anchor = if *at < end { "middle" } else { "end" };
            let _ = write!(svg, "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>", x(*at), HEIGHT - 10.0, escaped(label));
        }
        for (at, label) in &self.marks {
            let x = x(*at);
            let _ = write!(svg, "<line class=\"mark\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"/>", HEIGHT - BOTTOM);
            let _ = write!(svg, "<text class=\"mark\" x=\"{:.1}\" y=\"{:.1}\">{}</text>", x + 4.0, TOP - 8.0, escaped(label));
        }
        for series in &self.series {
            let points = series.points.iter().filter(|point| self.scale == Scale::FromZero || point.1 > 0.0);
            let points: Vec<String> = points.map(|(at, value)| format!("{:.1},{:.1}", x(*at), vertical.y(*value))).collect();
            let (colour, name) = (series.colour, escaped(&series.name));
            let _ =
                write!(svg, "<polyline style=\"stroke:var(--{colour})\" points=\"{}\"><title>{name}</title></polyline>", points.join(" "));
        }
        svg.push_str("</svg><div class=\"legend\">");
        for series in &self.series {
            let _ = write!(svg, "<span><i style=\"background:var(--{})\"></i>{}</span>", series.colour, escaped(&series.name));
        }
        svg.push_str("</div></figure>");
        svg
    }
}

struct Vertical {
    scale: Scale,
    from: f64,
    to: f64,
    grid: Vec<f64>,
}

impl Vertical {
    fn over(scale: Scale, least: f64, most: f64) -> Self {
        match scale {
            Scale::FromZero => {
                let step = round_step(most / 4.0);
                let lines = (most / step).ceil();
                let grid = (0..=lines as u32).map(|line| f64::from(line) * step).collect();
                Self { scale, from: 0.0, to: lines * step, grid }
            }
            Scale::Logarithmic => {
                let (from, to) = (least.max(1e-3).log10().floor(), most.log10().ceil());
                let to = if to > from { to } else { from + 1.0 };
                let grid = (from as i32..=to as i32).map(|power| 10_f64.powi(power)).collect();
                Self { scale, from, to, grid }
            }
        }
    }

    fn y(&self, value: f64) -> f64 {
        let value = match self.scale {
            Scale::FromZero => value,
            Scale::Logarithmic => value.max(1e-3).log10(),
        };
        let share = (value - self.from) / (self.to - self.from);
        HEIGHT - BOTTOM - share.clamp(0.0, 1.0) * (HEIGHT - BOTTOM - TOP)
    }
}

/// 1, 2 or 5 times a power of ten.
pub fn round_step(about: f64) -> f64 {
    let power = 10_f64.powf(about.max(1e-9).log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| *step >= about).unwrap_or(10.0 * power)
}

pub fn number(value: f64) -> String {
    if value >= 10_000.0 { format!("{}k", value / 1e3) } else { format!("{}", (value * 1e3).round() / 1e3) }
}

pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_holds_all_its_lines_and_names_and_no_markup_of_others() {
        let series = Series { name: "a <b>".to_owned(), colour: "sql", points: vec![(0.0, 1.0), (10.0, 250.0)] };
        let ticks = vec![(0.0, "0".to_owned()), (10.0, "10 s".to_owned())];
        let marks = vec![(5.0, "flip".to_owned())];
        for scale in [Scale::FromZero, Scale::Logarithmic] {
            let chart = Chart { title: "T", unit: "ms", scale, ticks: ticks.clone(), series: Vec::new(), marks: marks.clone() };
            let chart = Chart { series: vec![Series { points: series.points.clone(), name: series.name.clone(), ..series }], ..chart };
            let svg = chart.svg();
            assert!(svg.contains("a &lt;b&gt;") && !svg.contains("<b>") && svg.contains("flip") && !svg.contains("NaN"), "{svg}");
        }
    }

    #[test]
    fn a_step_is_round() {
        assert_eq!([0.7, 3.0, 12.0, 60.0].map(round_step), [1.0, 5.0, 20.0, 100.0]);
    }
}
