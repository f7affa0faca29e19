"""What can be wrong with the papers of a model of rows and columns."""

from shopsight.errors import ShopsightError


class BadTrainingTableError(ShopsightError):
    """A training table lacks a column or a key, or its labels mean something else than the settings say."""


class BadArtefactError(ShopsightError):
    """A folder does not hold the model that this code wrote."""
