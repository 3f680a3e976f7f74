-- Deals that partners registered (enregistrements_affaires). The customer's name, number and address never land.
select
    e.no_enregistrement as registration_number,
    e.code_tiers as partner_code,
    e.enregistre_le as registered_at,
    e.code_famille as family_code,
    e.montant_attendu as expected_amount,
    e.devise as currency_code,
    e.etat as status_code,
    e.clos_le as closed_at,
    'FR' as country_code,
    e.code_postal as postal_code,
    e.client as customer_name,
    e.siret_client as customer_siret,
    null as customer_vat,
    e.courriel_client as customer_domain,
    e.maj as updated_at
from enregistrements_affaires as e
