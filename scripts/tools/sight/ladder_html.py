# SPDX-License-Identifier: GPL-2.0
"""The picture of xtcp-ladder as one page that needs no other file."""

from html import escape

BOTH = """svg.narrow { display: none; }
@media (max-width: 50rem) { svg.narrow { display: block; width: 100%; min-width: 0; max-width: 30rem; height: auto; }
                            svg.narrow + svg { display: none; } }
"""
STYLE = BOTH + """
body { font-family: system-ui, 'DejaVu Sans', sans-serif; color: #1f2933; background: #f8f9fa; margin: 2em auto;
       max-width: 1160px; padding: 0 1em; }
h1, .notice { overflow-wrap: anywhere; }
.picture { background: #fff; border: 1px solid #ced4da; overflow-x: auto; }
.notice { background: #ffe3e3; padding: .6em 1em; }
.segment:hover line { stroke-width: 3; }
.segment:hover text { font-weight: 700; }
dt { font-weight: 600; float: left; clear: left; margin-right: .6em; }
"""


def both(narrow, wide):
    """Two pictures, of which the style BOTH shows the one that has room. What is not shown lends no arrowheads."""
    return narrow.replace("<svg ", '<svg class="narrow" ', 1).replace(' id="', ' id="n').replace("url(#", "url(#n") + wide


def page(story, narrow, wide, notices):
    title = "%s to %s" % story.names
    parts = ["<!DOCTYPE html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
             '<meta name="viewport" content="width=device-width, initial-scale=1">',
             "<title>%s</title>" % escape(title), "<style>%s</style>" % STYLE, "</head>", "<body>",
             "<h1>%s</h1>" % escape(title)]
    parts += ['<p class="notice">%s</p>' % escape(notice) for notice in notices]
    parts += ["<p>Time runs downwards, in ms from the first segment; an arrow slants by the time that its segment "
              "takes, and long pauses are drawn shorter than they are. SEQ and ACK count from the initial sequence "
              "numbers, WND is in octets. Point at an arrow to see when its segment left and arrived.</p>",
              '<div class="picture">', both(narrow, wide), "</div>", "</body>", "</html>", ""]
    return "\n".join(parts)
