"""``python tests/campaigns/canaries/serve.py MODEL DESCRIPTOR``: serves a toy with the defect in its model."""

import sys
from pathlib import Path

CAMPAIGNS = Path(__file__).parents[1]

if __name__ == "__main__":
    sys.path[:0] = [str(CAMPAIGNS), str(CAMPAIGNS.parent / "support")]
    from swaps.toy import serve

    from canaries.defects import take_effect
    from serving.served_model import ServedModel

    model = ServedModel.read(Path(sys.argv[1]))
    take_effect(model.artefact)
    serve(model, int(sys.argv[2]))
