{# Generic test: no row is about a shopper, or a session, without anybody who consents to personal use. #}
{% test only_consenting(model, column_name) %}
    select {{ column_name }}
    from {{ model }}
    where
        {{ column_name }} not in (
            select events.{{ column_name }}
            from {{ ref('int_session_events') }} as events
            inner join {{ ref('int_users') }} as users on events.user_id = users.user_id
            where {{ consent_allows('personal', 'users.consent') }} and {{ consent_allows('personal', 'events.consent') }}
        )
    group by {{ column_name }}
{% endtest %}
