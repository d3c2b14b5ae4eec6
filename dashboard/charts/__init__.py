"""Charts as pure functions: a data frame goes in, a Plotly figure (a plain dict) comes out.

Colours that depend on light or dark are written as names ("@text"); the live figure component puts
in the colour of the theme it finds itself in (see `dashboard.charts.theme`).
"""
