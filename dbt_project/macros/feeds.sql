{#
    Whether a feed's lines count: not those of a feed beside a partner's source of
    record (dim_feeds). A feed whose profile is gone counts on.
#}
{% macro is_of_record(feed_code, kind) -%}
    {{ feed_code }} not in (
        select other_feeds.feed_code
        from {{ ref('dim_feeds') }} as other_feeds
        where
            other_feeds.reports_{{ kind }}
            and not other_feeds.is_{{ kind }}_of_record
    )
{%- endmacro %}
