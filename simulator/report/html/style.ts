/**
 * How pages look: light and dark, wide and narrow, on paper. Colours are told apart by people who see red and green alike
 * (after Okabe and Ito), and no meaning rests on colour alone.
 */

const light = `
  --page:#f6f6f3; --card:#ffffff; --ink:#1d2125; --dim:#5d666f; --rule:#e2e2dc; --soft:#f0f0eb; --code:#eef0f2;
  --good:#00735a; --bad:#b3261e; --accent:#0b62a4; --fault:#d55e00; --pending:#e8a200; --firing:#c22c20;
  --legal:#0072b2; --zone:rgba(194,44,32,.07); --band:rgba(213,94,0,.09); --grid:rgba(30,40,50,.09);
  --s0:#0b62a4; --s1:#009e73; --s2:#aa4499; --s3:#8a7a00; --s4:#56a3d9; --s5:#7f8790; --shadow:0 1px 2px rgba(20,25,30,.06);`
const dark = `
  --page:#14171a; --card:#1c2024; --ink:#e8eaec; --dim:#98a2ab; --rule:#2e343a; --soft:#22272c; --code:#262c32;
  --good:#4cc9a4; --bad:#ff8a7d; --accent:#6db8f2; --fault:#f08a3c; --pending:#e5ac2e; --firing:#e5544a;
  --legal:#62b4ee; --zone:rgba(229,84,74,.13); --band:rgba(240,138,60,.13); --grid:rgba(230,240,250,.08);
  --s0:#6db8f2; --s1:#4cc9a4; --s2:#e08fd0; --s3:#d6c64c; --s4:#3f7fb0; --s5:#8d969f; --shadow:none;`

export const pageStyle = `
:root{${light} color-scheme:light}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){${dark} color-scheme:dark}}
:root[data-theme=dark]{${dark} color-scheme:dark}
*{box-sizing:border-box}
html{scroll-behavior:smooth;scroll-padding-top:16px;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;display:flex;flex-direction:column;min-height:100vh}
.wide{width:100%;max-width:1200px;margin:0 auto;padding:0 24px}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.87em}
code{overflow-wrap:anywhere}
p code,li code,.answer code{background:var(--code);border-radius:4px;padding:1px 4px}
a{color:var(--accent)}
small{font-size:12.5px;color:var(--dim);line-height:1.4}
.dim{color:var(--dim)}.good{color:var(--good)}.bad{color:var(--bad)}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
h1,h2,h3,h4,h5{line-height:1.25;margin:0;text-wrap:balance}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:3px}
.skip{position:absolute;left:-9999px}.skip:focus{left:8px;top:8px;background:var(--card);padding:6px 10px;z-index:9}

.bar{background:var(--card);border-bottom:1px solid var(--rule);order:-3}
.bar .wide{display:flex;align-items:center;gap:16px;height:48px}
.brand{font-weight:700;letter-spacing:-.01em;display:flex;align-items:center;gap:6px}
.brand svg{width:17px;height:17px;fill:#c8442b}
.trail{flex:1;color:var(--dim);font-size:14px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
#theme{border:1px solid var(--rule);background:none;color:inherit;border-radius:7px;width:34px;height:30px;font-size:16px;cursor:pointer;line-height:1}
.parts{background:var(--card);border-bottom:1px solid var(--rule);order:-2}
.parts .wide{display:flex;gap:22px;overflow-x:auto;scrollbar-width:none}
.parts a{padding:9px 0;color:var(--dim);text-decoration:none;font-size:14px;white-space:nowrap}
.parts a:hover{color:var(--ink)}
main{padding-bottom:32px;flex:1}
footer{color:var(--dim);font-size:12.5px;padding-top:14px;padding-bottom:28px}

.hero{display:grid;grid-template-columns:minmax(0,1fr) 360px;gap:48px;padding:36px 0 12px}
.hero.run{display:block}
.verdict{margin:0 0 10px;font-weight:650;font-size:15px;display:inline-flex;gap:7px;align-items:center}
.verdict span{display:inline-grid;place-items:center;width:22px;height:22px;border-radius:50%;background:currentColor;font-size:13px}
.verdict span{color:inherit}
.verdict.good span,.verdict.bad span{position:relative}
.verdict span{-webkit-text-fill-color:var(--page)}
.hero h1{font-size:27px;letter-spacing:-.015em;font-weight:680;text-wrap:pretty}
.hero .title{margin:12px 0 0;color:var(--dim);font-size:16px}
.meta{display:flex;flex-wrap:wrap;gap:2px 18px;margin:14px 0 0;font-size:13.5px;color:var(--dim)}
.meta b{color:var(--ink);font-weight:600}
.place{font-size:13.5px;color:var(--dim)}
.place p{margin:10px 0 0}.place b{color:var(--ink)}
.map{width:100%;height:auto;display:block}
.map rect{fill:var(--card);stroke:var(--rule);stroke-width:1.2}
.map line{stroke:var(--rule);stroke-width:1.6}
.map text{font:600 11.5px system-ui,sans-serif;fill:var(--ink);text-anchor:middle}
.map .note{font-weight:400;font-size:10px;fill:var(--dim)}
.map .broken rect{stroke:var(--fault);stroke-width:2;fill:color-mix(in srgb,var(--fault) 13%,var(--card))}
.map .broken .note{fill:var(--fault);font-weight:600}
.map line.broken{stroke:var(--fault);stroke-width:3;stroke-dasharray:5 4}
.tiles{display:flex;flex-wrap:wrap;width:fit-content;max-width:100%;gap:1px;margin:24px 0 0;background:var(--rule);border:1px solid var(--rule);border-radius:10px;overflow:hidden}
.tiles div{background:var(--card);padding:12px 14px;flex:1 1 155px;max-width:240px}
.tiles dt{font-size:12.5px;color:var(--dim)}
.tiles dd{margin:1px 0 0;font-size:18px;font-weight:650;letter-spacing:-.01em;font-variant-numeric:tabular-nums}
.tiles small{display:block}

.part{margin-top:34px}
.part>h2{font-size:19px;letter-spacing:-.01em;margin-bottom:12px}
.card,.timeline,.part>details,.part>.scroll,.panel{background:var(--card);border:1px solid var(--rule);border-radius:10px;box-shadow:var(--shadow)}
.card{padding:20px 22px;margin-bottom:16px}
.card>header{display:flex;flex-wrap:wrap;gap:4px 14px;align-items:baseline}
.card>header h3{font-size:17px}
.card>header .dim{font-size:13px;overflow-wrap:anywhere}
.card.failed{border-left:4px solid var(--bad)}
.part>details{padding:12px 18px;margin-bottom:12px}
summary{cursor:pointer}
details>summary .n{float:right}

.timeline{padding:14px 22px 12px}
.timeline h3{font-size:12.5px;font-weight:600;color:var(--dim);margin:16px 0 4px}
.row{display:grid;grid-template-columns:236px minmax(0,1fr);gap:18px;padding:5px 0;align-items:start}
.row>div{min-width:0}
.row .label{font-size:13.5px;line-height:1.35}
.row .label small{display:block}
.row.head{padding:0}
.row .label small.clamp,.clamp{display:-webkit-box;-webkit-line-clamp:3;-webkit-box-orient:vertical;overflow:hidden}
.axis{position:relative;height:20px;font-size:11.5px;color:var(--dim);font-variant-numeric:tabular-nums}
.axis span{position:absolute;transform:translateX(-50%);top:2px}
.axis span:first-child{transform:none}.axis .last{transform:translateX(-100%)}
.grid{position:absolute;top:0;bottom:0;width:1px;background:var(--grid)}
.track{position:relative;height:22px;background:var(--soft);border-radius:4px;overflow:hidden}
.track>i,.plot>i{position:absolute;top:0;bottom:0}
.fault-track{height:30px;background:none;overflow:visible;border-bottom:1px solid var(--rule);border-radius:0}
.ramp{position:absolute;top:0;height:100%}
.ramp path{fill:color-mix(in srgb,var(--fault) 62%,var(--card))}
.track .at{position:absolute;top:50%;transform:translateY(-50%);font-size:11.5px;font-weight:600;padding:0 5px;font-variant-numeric:tabular-nums;color:var(--ink);pointer-events:none}
.track .at.end{color:var(--dim)}
.track .at.fires{z-index:3}.track .at.before{transform:translate(-100%,-50%)}
i.fault{background:var(--band)}
i.gap{background:repeating-linear-gradient(90deg,var(--dim) 0 3px,transparent 3px 7px);opacity:.6}
i.base{top:calc(50% - .5px)!important;bottom:auto!important;height:1px;left:0;right:0;background:var(--dim);opacity:.35}
i.legal{--tint:color-mix(in srgb,var(--legal) 30%,transparent);background:linear-gradient(var(--tint) 0 4px,transparent 4px calc(100% - 4px),var(--tint) calc(100% - 4px));border:1.5px solid var(--legal);border-radius:3px;z-index:2}
i.legal.resolved{background:none;border-style:dashed}
.lane .track{height:28px;margin-top:2px}
.lane i.state{top:5px;bottom:5px;min-width:2px}
i.state.pending{background:var(--pending)}
i.state.firing{background:var(--firing)}
i.state.pending.maybe{background:repeating-linear-gradient(135deg,var(--pending) 0 3px,transparent 3px 6px)}
i.state.firing.maybe{background:repeating-linear-gradient(135deg,var(--firing) 0 3px,var(--pending) 3px 6px)}
i.state.firing+i.state.firing.maybe{background:repeating-linear-gradient(135deg,var(--firing) 0 3px,transparent 3px 6px)}
.lane .label b{white-space:nowrap;letter-spacing:-.01em}
.lane small{display:block;overflow-wrap:anywhere}
.lane .who{margin-top:2px}
.quiet{font-size:13.5px;color:var(--dim);margin:10px 0 0}.quiet b{color:var(--ink);font-weight:600}
.legend{display:flex;flex-wrap:wrap;gap:3px 18px;font-size:12.5px;color:var(--dim);margin:10px 0 0}
.legend span{display:inline-flex;align-items:center;gap:6px}
.key{display:inline-block;width:16px;height:10px;border-radius:2px;position:static}
.key.fault{background:color-mix(in srgb,var(--fault) 40%,transparent)}
.key.limit{height:0;border-top:1.5px dashed var(--firing);border-radius:0}
.key.zone{background:var(--zone);border:1px solid var(--rule)}
.key.pending{background:var(--pending)}.key.firing{background:var(--firing)}
.key.maybe{background:repeating-linear-gradient(135deg,var(--firing) 0 3px,transparent 3px 6px)}
.key.legal{background:color-mix(in srgb,var(--legal) 17%,transparent);border:1.5px solid var(--legal)}

.plot{position:relative;height:118px;background:var(--soft);border-radius:4px;overflow:hidden;cursor:crosshair;touch-action:pan-y}
.plot.small{height:64px}
.plot.none{display:grid;place-items:center;color:var(--dim);font-size:12.5px;cursor:default}
.plot svg{position:absolute;inset:0;width:100%;height:100%}
.line{fill:none;stroke-width:1.2;vector-effect:non-scaling-stroke;stroke-linejoin:round;stroke-linecap:round;opacity:.75}
.line.s0{stroke:var(--s0);stroke-width:2.2;opacity:1}
.line.s1{stroke:var(--s1)}.line.s2{stroke:var(--s2)}.line.s3{stroke:var(--s3)}.line.s4{stroke:var(--s4)}.line.s5{stroke:var(--s5)}
.plot i.zone{left:0;right:0;bottom:auto;background:var(--zone)}
.plot i.zone[style*="bottom"]{bottom:0}
.plot i.limit{left:0;right:0;bottom:auto;height:0;border-top:1.5px dashed var(--firing)}
.limit em{position:absolute;right:6px;font:600 11px/1.2 system-ui,sans-serif;color:var(--firing);white-space:nowrap}
.limit em.over{bottom:3px}.limit em.under{top:4px}
.plot .top,.plot .bottom{position:absolute;left:6px;font-size:11px;color:var(--dim);font-variant-numeric:tabular-nums;text-shadow:0 0 3px var(--soft),0 0 3px var(--soft)}
.plot .top{margin-top:2px}.plot .bottom{bottom:2px}
.plot i.mark{width:8px;height:8px;margin:-4px 0 0 -4px;bottom:auto;border-radius:50%;background:var(--card);border:2px solid var(--s0)}
.cross{position:absolute;top:0;bottom:0;width:1px;background:var(--ink);opacity:0;pointer-events:none}
.says{position:absolute;top:4px;margin:0 8px;background:var(--card);border:1px solid var(--rule);border-radius:5px;padding:2px 7px;font-size:11.5px;line-height:1.35;opacity:0;pointer-events:none;max-width:60%;z-index:3;font-variant-numeric:tabular-nums}
.says span{display:block;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.read .cross{opacity:.5}.read .says{opacity:1}

.question{margin:14px 0 0;color:var(--dim);font-size:14px}
.answer{margin:2px 0 0;font-size:17px;line-height:1.45;text-wrap:pretty;max-width:80ch}
.delay{margin:18px 0 0}
.delay figcaption{font-size:13.5px;color:var(--dim)}.delay figcaption b{color:var(--ink)}
.bar-parts{display:flex;gap:2px;height:14px;margin-top:6px;border-radius:4px;overflow:hidden}
.bar-parts i{min-width:3px;flex-basis:0}
i.signal{background:var(--s0)}i.interval{background:repeating-linear-gradient(135deg,var(--dim) 0 3px,var(--soft) 3px 6px)}i.for{background:var(--pending)}
.columns{display:grid;grid-template-columns:minmax(0,1.05fr) minmax(0,1fr);gap:36px;margin-top:20px}
.card h4{font-size:13.5px;margin:22px 0 8px}
.columns h4:first-child{margin-top:0}
.steps{list-style:none;margin:0;padding:0}
.steps li{display:grid;grid-template-columns:104px minmax(0,1fr);gap:14px;padding-bottom:12px;position:relative}
.steps li::after{content:"";position:absolute;left:111px;top:8px;bottom:-8px;width:1px;background:var(--rule)}
.steps li:last-child::after{display:none}
.steps li::before{content:"";position:absolute;left:108px;top:8px;width:7px;height:7px;border-radius:50%;background:var(--dim);z-index:1}
.steps .when{font-size:12.5px;color:var(--dim);text-align:right;padding-top:2px;font-variant-numeric:tabular-nums}
.steps li>div{padding-left:10px}
.steps b{font-weight:620}
.steps p{margin:1px 0 0;font-size:14px;color:var(--dim)}
.pager{border:1px solid var(--rule);border-left:4px solid var(--pending);border-radius:8px;padding:12px 16px;background:var(--soft)}
.pager.critical{border-left-color:var(--firing)}.pager.info{border-left-color:var(--legal)}
.pager header{font-size:13px;color:var(--dim);display:flex;gap:7px;align-items:baseline}
.pager header b{color:var(--firing);letter-spacing:.02em}
.pager .severity{margin-left:auto;font-weight:600}
.pager p{margin:5px 0 0;font-size:14px}
.pager .told{margin-top:8px;padding-top:8px;border-top:1px solid var(--rule)}
.pager .told span{color:var(--dim)}
.pager .summary{font-size:16px;font-weight:650;margin-top:7px}
.chips code{font-size:11.5px;background:var(--card)!important;border:1px solid var(--rule)}
.pager .link{font-size:12.5px;overflow-wrap:anywhere}.pager .link span{color:var(--dim)}
pre.rule{white-space:pre-wrap;margin:0;background:var(--soft);border-radius:8px;padding:12px 14px;overflow-x:auto;line-height:1.5}
.operand{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1.1fr);gap:18px;padding:10px 0;border-top:1px solid var(--rule);align-items:start}
.operand.condition{display:block;padding:8px 0}
.operand .label{font-size:13.5px}.operand .label small{display:block;margin-top:2px}
.operand.condition code{color:var(--dim)}
.d1 .label{padding-left:16px}.d2 .label{padding-left:32px}.d3 .label{padding-left:48px}.d4 .label{padding-left:64px}.d5 .label{padding-left:80px}
.tag{font-size:11.5px;font-weight:600;color:var(--accent);border:1px solid currentColor;border-radius:4px;padding:0 5px;white-space:nowrap}
dl{margin:6px 0 0}
.operand dl,.panel dl{display:flex;gap:18px;font-size:13px}
.operand dt,.panel dt{color:var(--dim);font-size:11.5px}
.operand dd,.panel dd{margin:0;font-weight:600;font-variant-numeric:tabular-nums}

.telling{margin-bottom:16px}.telling h4{font-size:13.5px}
.grid-panels{display:grid;grid-template-columns:repeat(auto-fill,minmax(250px,1fr));gap:12px;padding-top:12px}
.panel{padding:10px 12px;box-shadow:none;min-width:0}
.panel.failed{border-color:var(--bad)}
.panel h5{font-size:13px;margin-bottom:6px}
.panel small{display:block;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;margin-top:4px}
.panel small.bad{white-space:normal;color:var(--bad)}
.query summary{font-size:12px;color:var(--dim);margin-top:4px}
.query code{display:block;font-size:11.5px;overflow-wrap:anywhere}

.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{text-align:left;padding:7px 12px;border-top:1px solid var(--rule);vertical-align:top}
thead th{border-top:0;font-size:12.5px;color:var(--dim);font-weight:600}
th.n,td.n{text-align:right}
td small{display:block}
.kinds td{padding:5px 12px}
.part>p.dim,.scroll+p.dim{font-size:13px;margin:8px 0 0}
.matrix td{text-align:center}.matrix td:last-child,.matrix th:last-child{text-align:left}
.matrix thead th{text-align:center}.matrix thead th:first-child{text-align:left}
.checks,.findings{list-style:none;padding:0;margin:8px 0 0;font-size:14px}
.checks li{padding:3px 0;overflow-wrap:anywhere}
.findings li{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:10px 14px;margin-bottom:8px}
.findings small{display:block;overflow-wrap:anywhere}
.level{display:inline-block;font:600 11px/1.6 system-ui,sans-serif;border-radius:4px;padding:0 6px;background:var(--code);color:var(--dim)}
.level.error,.level.fatal{background:color-mix(in srgb,var(--bad) 16%,transparent);color:var(--bad)}
.level.warn,.level.warning{background:color-mix(in srgb,var(--pending) 22%,transparent);color:color-mix(in srgb,var(--pending) 62%,var(--ink))}
#logs h4{font-size:13.5px;margin:18px 0 6px}
.log{list-style:none;margin:0;padding:6px 16px;background:var(--card);border:1px solid var(--rule);border-radius:10px;font-size:13.5px}
.log li{display:grid;grid-template-columns:52px 54px minmax(0,1fr);gap:10px;padding:6px 0;border-top:1px solid var(--rule);align-items:baseline}
.log li:first-child{border-top:0}
.log .when{color:var(--dim);font-variant-numeric:tabular-nums}
.log .level{text-align:center}
.log small{display:block;overflow-wrap:anywhere}
.log small code{margin-right:6px}
.spans{margin-top:8px}
.span{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1.4fr) 64px;gap:12px;align-items:center;font-size:13px;padding:2px 0}
.span .label{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.span .label b{font-weight:600}
.span .track{height:12px;background:none;border-left:1px solid var(--rule);border-radius:0}
.span .track i{background:var(--s0);border-radius:2px;min-width:2px}
.span .track i.ml-engine{background:var(--s2)}.span .track i.data-pipeline{background:var(--s1)}
.span.failed .track i{background:var(--bad)}
.trace code{font-size:12px}
.command{display:flex;gap:10px;align-items:center;background:var(--soft);border:1px solid var(--rule);border-radius:8px;padding:8px 12px;margin-top:8px}
.command code{flex:1}
.command code::before{content:"$ ";color:var(--dim)}
.copy{border:1px solid var(--rule);background:var(--card);color:inherit;border-radius:6px;padding:3px 10px;font:inherit;font-size:12.5px;cursor:pointer}

.drills{columns:2;column-gap:20px}.drills.few{columns:1;max-width:760px}
.scenario{break-inside:avoid;background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:12px 16px;margin-bottom:14px}
.scenario h3{font-size:15px}.scenario>p{margin:1px 0 6px;font-size:13px}
.drill{display:grid;grid-template-columns:128px minmax(0,1fr) minmax(0,1.1fr);gap:12px;align-items:center;font-size:13.5px;padding:3px 0}
.drill .name{overflow-wrap:anywhere}
.drill .track{height:16px}.drill i.state{top:4px;bottom:4px;min-width:2px}
.drill .result{font-size:13px}.drill .result b{font-weight:600}

@media (max-width:900px){
  .hero{grid-template-columns:minmax(0,1fr);gap:26px;padding-top:24px}
  .hero h1{font-size:23px}
  .place{max-width:520px}
  .columns,.operand{grid-template-columns:minmax(0,1fr);gap:14px}
  .drills{columns:1}
}
@media (max-width:640px){
  .wide{padding:0 14px}
  .row{grid-template-columns:minmax(0,1fr);gap:4px;padding:7px 0}
  .row.head .label{display:none}
  .timeline,.card{padding:14px}
  .axis .odd{display:none}
  .steps li{grid-template-columns:minmax(0,1fr);gap:0;padding-left:16px}
  .steps li::before{left:1px}.steps li::after{left:4px}
  .steps .when{text-align:left}.steps li>div{padding-left:0}
  .d1 .label{padding-left:8px}.d2 .label{padding-left:16px}.d3 .label,.d4 .label,.d5 .label{padding-left:24px}
  .span{grid-template-columns:minmax(0,1fr) 64px;gap:2px 8px}.span .track{grid-row:2;grid-column:1/-1}
  .log li{grid-template-columns:auto auto 1fr}.log li>span:last-child{grid-column:1/-1}
  .drill{grid-template-columns:minmax(0,1fr) minmax(0,1fr)}.drill .track{grid-column:1/-1;grid-row:2}
  .tiles div{flex-basis:40%;max-width:none}
  th,td{padding:6px 8px}
}
@media print{
  :root:root:root{${light} color-scheme:light;--page:#fff;--shadow:none}
  *{-webkit-print-color-adjust:exact;print-color-adjust:exact}
  body{font-size:11px}
  .bar #theme,.parts,.copy,.skip{display:none}
  .wide{max-width:none;padding:0}
  .hero{padding-top:12px;grid-template-columns:minmax(0,1fr) 250px;gap:24px}.hero h1{font-size:19px}
  .timeline h3,.card h4,.telling h4{break-after:avoid}
  .part{margin-top:18px}.part>h2{break-after:avoid}
  .row,.operand,.panel,.span,.log li,.steps li,tr,.scenario,.pager{break-inside:avoid}
  .drills{columns:1}
}
`
