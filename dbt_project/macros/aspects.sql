{#
    The words by which a review speaks of an aspect. The same expressions stand in models/intent/aspects.py; a test
    compares the two.
#}
{% macro aspect_patterns() -%}
    {{ return({
        'quality': "\\b(?:quality|durab\\w*|sturd\\w*|flims\\w*|broke\\w*|break\\w*|fell\\sapart|crack\\w*|leak\\w*|rip\\w*|tear\\w*|torn|material\\w*|fabric|stitch\\w*|well\\s(?:made|built)|poorly\\s(?:made|built)|cheaply\\smade|defect\\w*|faulty|(?:stopped|doesn't|didn't|does\\snot|did\\snot)\\swork\\w*|works|last(?:s|ed)|wore\\sout|feels?\\scheap|solid|scratch\\w*)\\b|质量|做工|材质|面料|结实|耐用|坏了|断了|裂|掉色|起球|破|用料|品质",
        'price': "\\b(?:price[ds]?|pricey|cost\\w*|expensive|overpriced|cheap|cheaper|bargain|value|money|worth|afford\\w*|deal|discount\\w*|dollars?|euros?|pounds?|bucks)\\b|价格|价钱|便宜|贵|划算|性价比|值|实惠|优惠",
        'delivery': "\\b(?:deliver\\w*|shipp\\w*|arriv\\w*|packag\\w*|parcel|courier|box|late|on\\stime|tracking|came\\s(?:in|with|quickly)|wait(?:ed|ing)|days\\slate|lost\\sin)\\b|物流|快递|发货|送货|包装|到货|配送|收到|运输",
        'service': "\\b(?:service|support|seller|staff|customer\\s(?:care|service)|refund\\w*|replacement|warranty|return\\w*|respon\\w*|repl(?:y|ied)|help(?:ful|desk)?|rude|polite|complain\\w*|exchange\\w*)\\b|客服|服务|售后|退货|退款|换货|态度|卖家|店家|回复",
        'fit': "\\b(?:fit|fits|fitted|fitting|size[ds]?|sizing|small|large|tight|loose|long|short|snug|true\\sto\\ssize|too\\s(?:big|small)|narrow|wide|length|waist|runs)\\b|尺码|尺寸|大小|合身|偏大|偏小|太大|太小|合适|码数|长度|宽",
    }) }}
{%- endmacro %}
