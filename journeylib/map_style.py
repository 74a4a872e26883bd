"""The style of the journey map's page around the drawing: screen, phone and print."""

from __future__ import annotations

_SCREEN = (
    ".journey-map{margin:0;overflow-wrap:anywhere;color:var(--jm-ink,#1c2b36);line-height:1.4}"
    ".jm-head{margin:0 0 .55rem}"
    ".jm-kicker{margin:0;font-size:.82rem;font-weight:650;color:var(--jm-accent,#0b6e99)}"
    ".jm-title{margin:.1rem 0 .15rem;font-size:1.75rem;line-height:1.15;font-weight:750;"
    "letter-spacing:-.015em;unicode-bidi:plaintext;text-align:left}"
    ".jm-said{margin:0;font-size:1.02rem;color:var(--jm-muted,#55646f);max-width:96ch}"
    ".jm-picks{border:0;margin:0 0 .9rem;padding:0;display:flex;flex-wrap:wrap;gap:.4rem}"
    ".jm-picks legend{float:left;padding:.32rem .5rem .32rem 0;font-size:.86rem;"
    "color:var(--jm-muted,#55646f)}"
    ".jm-picks label{position:relative;display:inline-flex;align-items:center;min-height:24px;"
    "border:1.5px solid var(--jm-other,#6b7780);border-radius:99px;padding:.22rem .8rem;"
    "font-size:.86rem;cursor:pointer}"
    ".jm-picks input{position:absolute;opacity:0;inset:0;margin:0;width:100%;cursor:pointer}"
    ".jm-picks label:has(:checked){background:var(--jm-accent,#0b6e99);"
    "border-color:var(--jm-accent,#0b6e99);color:#fff;font-weight:650}"
    ".jm-picks label:has(:focus-visible){outline:3px solid var(--jm-ink,#1c2b36);"
    "outline-offset:2px}"
    "@supports not selector(:has(*)){.jm-view+.jm-view{display:none}"
    ".jm-picks input{position:static;opacity:1;width:auto;margin-right:.4rem}}"
    ".journey-map .jm-key.jm-key{list-style:none;display:flex;flex-wrap:wrap;gap:.15rem 1.15rem;"
    "margin:.55rem 0 .7rem;padding:0;font-size:.85rem}"
    ".jm-key li{display:flex;align-items:center;gap:.4rem;margin:0}"
    ".jm-key svg{flex:none}"
    ".jm-scroll{position:relative;overflow-x:auto;-webkit-overflow-scrolling:touch}"
    ".jm-scroll:focus-visible{outline:3px solid var(--jm-accent,#0b6e99);outline-offset:2px}"
    ".jm-frame{display:grid;position:relative;min-width:calc(var(--jm-w)*.8)}"
    ".jm-frame>*{grid-area:1/1}"
    ".jm-svg{display:block;width:100%;height:auto}.jm-sheet{display:none}"
    ".jm-names{position:sticky;left:0;z-index:2;width:var(--jm-names);height:auto;display:block;"
    "overflow:hidden;pointer-events:none}"
    ".jm-spots{position:relative;list-style:none;margin:0;padding:0}"
    ".jm-spot{position:absolute;border-radius:5px}"
    ".jm-spot:hover,.jm-spot:focus{outline:2px solid var(--jm-accent,#0b6e99);z-index:4}"
    ".jm-spot::after{content:attr(aria-label);display:none;position:absolute;left:0;top:100%;"
    "margin-top:6px;width:max-content;max-width:270px;padding:.5rem .7rem;border-radius:6px;"
    "background:var(--jm-ink,#1c2b36);color:var(--jm-paper,#fff);font-size:.84rem;"
    "line-height:1.45;white-space:pre-line;unicode-bidi:plaintext;text-align:start;"
    "overflow-wrap:anywhere;pointer-events:none;box-shadow:0 3px 14px rgba(0,0,0,.22)}"
    ".jm-spot:hover::after,.jm-spot:focus::after{display:block}"
    ".jm-spot.end::after{left:auto;right:0}"
    ".jm-spot.up::after{top:auto;bottom:100%;margin:0 0 6px}"
    ".jm-kpis.jm-kpis{display:grid;gap:.6rem;"
    "grid-template-columns:repeat(auto-fit,minmax(170px,1fr));"
    "margin:.9rem 0 0}"
    ".jm-kpis div{background:var(--jm-wash,#f5f7f9);border-radius:6px;padding:.55rem .8rem}"
    # JupyterLab lays terms and lists out in its own way: two classes outweigh it.
    ".jm-kpis .jm-fact *{float:none;width:auto;margin:0;padding:0;font-weight:400;"
    "font-size:.8rem;color:var(--jm-muted,#55646f)}"
    ".jm-kpis .jm-fact dt{font-size:.84rem}"
    ".jm-kpis .jm-fact .jm-value{font-size:1.4rem;line-height:1.25;font-weight:700;"
    "color:var(--jm-ink,#1c2b36)}"
    ".jm-note{margin:.6rem 0 0;font-size:.8rem;color:var(--jm-muted,#55646f)}"
    ".jm-details{margin-top:.75rem}.jm-details summary{cursor:pointer;min-height:24px}"
    ".jm-skip{position:absolute;left:-9999px}.jm-skip:focus{position:static;display:inline-block;"
    "padding:.3rem .6rem}"
)
_TWIN = (
    ".jm-table{border-collapse:collapse;font-size:.85rem;width:100%;margin:0 0 1rem}"
    ".jm-table caption{text-align:left;padding:.5rem 0;font-weight:600}"
    ".jm-table th,.jm-table td{border-bottom:1px solid var(--jm-line,#d5dce1);"
    "padding:.4rem .6rem;text-align:left;vertical-align:top}"
)
_PHONE = (
    "@media(max-width:640px){.jm-title{font-size:1.35rem}.jm-said{font-size:.95rem}"
    ".jm-frame{min-width:calc(var(--jm-w)*.95)}"
    ".jm-kpis.jm-kpis{grid-template-columns:1fr 1fr}"
    ".jm-table,.jm-table caption,.jm-table tbody,.jm-table tr,.jm-table th,.jm-table td{"
    "display:block;border:0;padding:.15rem 0}"
    ".jm-table thead{position:absolute;left:-9999px}"
    ".jm-table tr{border-top:2px solid var(--jm-line,#d5dce1);padding:.6rem 0}"
    ".jm-table tbody th{font-size:1.05rem}"
    ".jm-table td::before{content:attr(data-name) ': ';color:var(--jm-muted,#55646f)}}"
)
# One A3 page: what stands around the drawing takes what it needs, the drawing takes the rest.
_PRINT = (
    "@page jm-poster{size:A3 landscape;margin:10mm 12mm}"
    "@media print{.journey-map{page:jm-poster;break-inside:avoid;height:270mm;width:100%;"
    "max-width:none;margin:0 auto!important;transform:none!important;display:flex;"
    "flex-direction:column;overflow:hidden;font-size:9pt;left:0!important}"
    ".jm-picks,.jm-details,.jm-scroll,.jm-skip{display:none!important}"
    ".jm-head{flex:none}.jm-title{font-size:23pt}.jm-said{font-size:12pt;max-width:none}"
    ".jm-kicker{font-size:9pt}.journey-map .jm-key.jm-key{font-size:9pt;margin:0 0 2mm}"
    ".jm-views{flex:1 1 0;min-height:0;display:flex}"
    ".jm-view{flex:1 1 0;min-width:0;min-height:0;display:flex;flex-direction:column}"
    ".jm-sheet{display:block;flex:1 1 0;min-height:0;width:100%;"
    "print-color-adjust:exact;-webkit-print-color-adjust:exact}"
    ".jm-kpis.jm-kpis{flex:none;display:flex;margin-top:2mm;gap:2mm}"
    ".jm-kpis div{flex:1 1 0;padding:1.2mm 2.5mm}.jm-kpis .jm-fact *{font-size:8pt}"
    ".jm-kpis .jm-fact .jm-value{font-size:13pt}"
    ".jm-note{flex:none;font-size:7.5pt;margin-top:1.5mm}"
    # The heading in the text would stand alone on a page of its own; the map bears its title.
    ".prose:has(+.output .journey-map){display:none}}"
)
MAP_CSS = _SCREEN + _TWIN + _PHONE + _PRINT


def pick_css(name: str, views: int) -> str:
    """Show the view whose button is pressed, and no other.

    Args:
        name: Id of the figure.
        views: How many views it has.
    """
    return "".join(
        f"#{name}:has(#{name}-r{k}:checked) .jm-view:not(#{name}-v{k}){{display:none}}"
        for k in range(views)
    )
