"""The λ study: Figure 2, drawn while it runs."""

from dashboard.studying.page import page

page("lambda")
