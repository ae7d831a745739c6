use couler::llm::*;
use couler::llm::local::*;
#[tokio::main]
async fn main() {
    let t=std::time::Instant::now();
    let mut s=LocalSettings::new("local:q","/tmp/dl/models/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf");
    s.prefix_cache=Some("/tmp/kvtest".into());
    let m=LocalModel::load(s).unwrap();
    eprintln!("load {:?}",t.elapsed());
    let long="You translate descriptions of workflows into JSON. Copy every literal exactly. ".repeat(40);
    let schema=serde_json::json!({"type":"object","properties":{"name":{"type":"string","maxLength":40},"steps":{"type":"array","maxItems":6,"items":{"type":"object","properties":{"instruction_text":{"type":"string","maxLength":80},"after":{"type":"array","items":{"type":"string","maxLength":20},"maxItems":3}},"required":["instruction_text","after"],"additionalProperties":false}}},"required":["name","steps"],"additionalProperties":false});
    for q in ["read s3://a/b.csv, train xgboost, evaluate auc, deploy","load data.csv, drop duplicates, train random forest, mail bob@x.com"] {
        let r=Request{messages:vec![Message::system(long.clone()),Message::user(q)],static_messages:1,schema:Some(OutputSchema{name:"plan".into(),schema:schema.clone()}),max_tokens:400,temperature:0.0,seed:0,first_token_logprobs:false};
        let t=std::time::Instant::now();
        let a=m.complete(&r,&|_|{}).await.unwrap();
        println!("{} {:?} {:?}",a.text,a.usage,t.elapsed());
    }
    let r=Request{messages:vec![Message::user("Is Paris the capital of France? Answer yes or no.")],static_messages:0,schema:None,max_tokens:1,temperature:0.0,seed:0,first_token_logprobs:true};
    println!("{:?}",m.complete(&r,&|_|{}).await.unwrap());
}
