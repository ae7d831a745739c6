use couler::llm::*;
use couler::llm::local::*;
use couler::nl::*;
struct P;
impl Observer for P { fn observe(&self, e:&Event<'_>) { match e { Event::Called{stage,step,usage}=>eprintln!("  {:?} {:?} prompt {} cached {} new {} {:.1}s",stage,step,usage.prompt_tokens,usage.cached_tokens,usage.completion_tokens,usage.seconds), Event::Scored{step,score,attempt,critique}=>eprintln!("  score {step} {score:.2} #{attempt} {critique:?}"), Event::Note{text}=>eprintln!("  note {text}"), _=>{} } } }
#[tokio::main]
async fn main() {
    let mut s=LocalSettings::new("local:q","/tmp/dl/models/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf");
    s.prefix_cache=Some("/tmp/kvtest".into());
    let m=LocalModel::load(s).unwrap();
    let lake=couler::lake::Lake::built_in();
    let prompts=Prompts::built_in();
    let text=std::fs::read_to_string(std::env::args().nth(1).unwrap()).unwrap();
    for d in text.lines().filter(|l|!l.trim().is_empty()) {
        eprintln!("\n=== {d}");
        let ledger=Ledger::default();
        let p=Pipeline{model:&m,lake:&lake,prompts:&prompts,options:PipelineOptions::default(),ledger:&ledger,observer:&P};
        let t=std::time::Instant::now();
        match p.run(d).await {
            Ok(o)=>{ eprintln!("PLAN {}",serde_json::to_string(&o.plan).unwrap()); eprintln!("{}",couler::api::write_program(&o.program,couler::api::Format::Yaml).unwrap()); for n in &o.notes {eprintln!("note: {n}");} for r in o.requirements.uncovered(){eprintln!("UNCOVERED {r:?}");} }
            Err(e)=>eprintln!("ERROR {e}"),
        }
        let u=ledger.total(); eprintln!("TIME {:.1}s prompt {} cached {} new {} uncached {}",t.elapsed().as_secs_f64(),u.prompt_tokens,u.cached_tokens,u.completion_tokens,u.uncached_tokens());
    }
}
