"""The textbook implementation: one run at a time, written as the released code works.

What that code does is read from it: github.com/haoxuanli-pku/WWW23-Balancing-Unobserved-Confounding
(BAL-IPS, BAL-DR, BAL-AD, model, utils) and DongHande/AutoDebias, whose loaders and one-step models
it builds on. Taken over, in words of our own:

- ratings in a sparse matrix; batches of users and of items by loaders, code by code; a block's
  ratings by a membership test over all ratings; all its pairs enumerated
- models of embeddings under autograd, pairs gathered one by one; a fresh one-step model that is
  drawn, loaded and moved by name, and differentiated through
- predictions, weights and imputed values found again for every loss, and graphs kept, so that
  losses reach phi, too, where nothing uses it; one loss and one optimizer for each block of weights
- after an epoch, every block's ratings found and scored once more, validation ratings loaded one by
  one, mean squared errors, log losses and AUC

What is computed is ours where DEVIATIONS.md says so, that the numbers are the engine's: DR's
hypergradient is of DR's own loss, over all pairs of a block, both blocks of weights step from the
same state, and masses are exact. It is what `engine.bench` measures the engine against, and an
oracle: the same numbers by another way, for any config that `Textbook` takes.
"""

from engine.textbook.step import Textbook

__all__ = ["Textbook"]
